// Moves the time of the process by as many milliseconds as the file CLOCK_FILE says, so that
// it goes along with the clock of the server under test. To be loaded with --import.
import { readFileSync } from 'node:fs'

const file = process.env.CLOCK_FILE
const Real = Date
const now = () => Real.now() + Number(readFileSync(file, 'utf8'))

globalThis.Date = class extends Real {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}

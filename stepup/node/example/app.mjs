import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { StepUp, StepUpError } from '@sallyport-id/stepup'

const { ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', REDIRECT_URI = '', PORT = '0' } = process.env
const stepup = await StepUp.discover({
  issuer: ISSUER,
  clientId: CLIENT_ID,
  auth: { secret: CLIENT_SECRET },
  redirectUri: REDIRECT_URI,
})

/** @typedef {{id: string, value: string, payee: string, iban: string, confirmation?: import('@sallyport-id/stepup').Confirmation, receipt?: string}} Payout */
/** @type {Map<string, Payout>} What the app has in its database. */
const payouts = new Map([['p-1', { id: 'p-1', value: '1250.00', payee: 'Müller & Söhne', iban: 'DE89370400440532013000' }]])
/** @type {Map<string, {user?: string, pending?: import('@sallyport-id/stepup').Transaction | undefined}>} By cookie. */
const sessions = new Map()

/**
 * What the database says, in the words of the server. The push and the payment both call it:
 * if the row changes in between, the hashes differ and nothing is paid.
 * @param {Payout} payout
 * @returns {import('@sallyport-id/stepup').Payout}
 */
function detail({ id, value, payee, iban }) {
  return { type: 'payout.request', txn_id: id, amount: { value, currency: 'EUR' }, payee: { name: payee, account: { iban } } }
}

/** @param {Payout} payout */
async function pay(payout) {
  if (payout.receipt || !payout.confirmation) return
  const receipt = await stepup.consumeFor(payout.confirmation, detail(payout))
  payout.receipt = receipt.jws // and the money moves, in the transaction of this row
}

const server = createServer(async (req, res) => {
  const id = /session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] ?? randomUUID()
  const session = sessions.get(id) ?? {}
  sessions.set(id, session)
  res.setHeader('Set-Cookie', `session=${id}; HttpOnly; Path=/; SameSite=Lax`)
  const [, first = '', second = ''] = new URL(req.url ?? '/', 'http://app').pathname.split('/')
  const payout = payouts.get(second)
  try {
    if (first === 'callback') {
      const transaction = session.pending
      session.pending = undefined // it is good for one answer
      if (!transaction) return res.writeHead(400).end('nothing was begun here')
      if (transaction.txnId === undefined) {
        session.user = (await stepup.finish(transaction, req.url ?? '')).subject
        return res.end('signed in')
      }
      const confirmed = payouts.get(String(transaction.resume))
      if (!confirmed) return res.writeHead(404).end()
      confirmed.confirmation = await stepup.finishConfirmation(transaction, req.url ?? '') // kept, before it is used
      await pay(confirmed)
      return res.end('paid')
    }
    const { url, transaction } =
      session.user && payout && req.method === 'POST'
        ? await stepup.push({ subject: session.user, detail: detail(payout), resume: payout.id })
        : await stepup.start()
    session.pending = transaction
    res.writeHead(303, { Location: url }).end()
  } catch (error) {
    if (!(error instanceof StepUpError)) throw error
    console.error(error.message) // it holds no secret
    res.writeHead(error.code === 'unavailable' ? 503 : 403).end(error.code) // nothing is paid
  }
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(JSON.stringify(server.address())))

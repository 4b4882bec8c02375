import { createServer } from 'node:http'
import { accessOf, action, requireStepUp, StepUpError } from '@sallyport-id/stepup'

const { ISSUER = '', API = '', PORT = '0' } = process.env
// Without publicUrl it takes bearer tokens only: it could not use one that is bound to a key.
const guard = requireStepUp({ issuer: ISSUER, audience: API, acr: action('payout.request') })

/** @typedef {{id: string, value: string, payee: string, iban: string, receipt?: string}} Payout */
/** @type {Map<string, Payout>} What the API has in its database. */
const payouts = new Map([['p-1', { id: 'p-1', value: '1250.00', payee: 'Müller & Söhne', iban: 'DE89370400440532013000' }]])

/**
 * What the API executes: its own row, and nothing out of the token.
 * @param {Payout} payout
 * @returns {import('@sallyport-id/stepup').Payout}
 */
function detail({ id, value, payee, iban }) {
  return { type: 'payout.request', txn_id: id, amount: { value, currency: 'EUR' }, payee: { name: payee, account: { iban } } }
}

/**
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:http').ServerResponse} res
 */
async function execute(req, res) {
  const token = accessOf(req)
  const payout = payouts.get((req.url ?? '').split('/')[2] ?? '')
  if (!token || !payout || req.method !== 'POST') return res.writeHead(404).end()
  try {
    if (payout.receipt === undefined) {
      const receipt = await guard.verifier.consume(token, detail(payout), `execution-of-${payout.id}`)
      payout.receipt = receipt.jws // and the money moves, in the transaction of this row
    }
    res.end('paid')
  } catch (error) {
    if (!(error instanceof StepUpError)) throw error
    console.error(error.message)
    res.writeHead(error.code === 'unavailable' ? 503 : 403).end(error.code) // nothing is paid
  }
}

const server = createServer((req, res) => guard(req, res, (error) => (error ? res.writeHead(500).end(String(error)) : execute(req, res))))
server.listen(Number(PORT), '127.0.0.1', () => console.log(JSON.stringify(server.address())))

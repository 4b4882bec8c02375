// An app that does what a test tells it, by lines of JSON: {"do": name, "with": [...]} is
// answered by {"ok": value} or {"error": {...}}.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { accessOf, detailsHash, StepUp, Verifier } from '@sallyport-id/stepup'

let app
let lost = 0 // answers to a consumption that still are to be lost
const asked = [] // method, path and key of each request that the package made
let verifier // of the API that was started last
let passed // the last token that it let pass
const paid = [] // what the API has carried out

async function wire(url, init) {
  const response = await fetch(url, init)
  asked.push(`${init.method ?? 'GET'} ${new URL(url).pathname} ${new Headers(init.headers).get('idempotency-key') ?? ''}`.trim())
  if (lost > 0 && url.endsWith('/consume')) {
    lost--
    await response.arrayBuffer() // the server has done its part, to the end
    throw new TypeError('the wire broke')
  }
  return response
}

/** serve starts an API that pays, for who has what requirement demands. */
async function serve(config, requirement) {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${server.address().port}`
  verifier = new Verifier({ ...config, publicUrl: origin })
  const guard = verifier.require(requirement)
  server.on('request', (req, res) =>
    guard(req, res, (error) => {
      const token = accessOf(req)
      if (error || !token) return res.writeHead(500).end(String(error))
      passed = token
      paid.push({ subject: token.subject, acr: token.acr, action: token.action ?? '', bound: token.boundTo !== undefined })
      res.writeHead(204).end()
    }),
  )
  return origin
}

const own = {
  discover: async (config) => {
    app = await StepUp.discover({ ...config, fetch: wire })
    return { actions: app.actions, detailTypes: app.detailTypes }
  },
  call: async (token, url) => (await app.fetch(token, url, { method: 'POST', body: '1250.00' })).status,
  plainly: async (token, url, scheme = 'Bearer') => {
    const response = await fetch(url, { method: 'POST', headers: { authorization: `${scheme} ${token}` } })
    return { status: response.status, challenge: response.headers.get('www-authenticate') }
  },
  lose: (count) => void (lost = count),
  asked: () => asked.splice(0),
  paid: () => paid.splice(0),
  hash: (bound) => detailsHash(bound),
  apiConsumes: (detail, key) => verifier.consume(passed, detail, key),
  apiVerifies: (jws, detail) => verifier.verifyReceipt(passed, jws, detail),
  serve,
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, with: given } = JSON.parse(line)
  const args = given ?? []
  let answer
  try {
    answer = { ok: (await (own[name] ? own[name](...args) : app[name](...args))) ?? null }
  } catch (e) {
    answer = { error: { name: e.name, code: e.code, status: e.status, error: e.error, description: e.description, retryAfter: e.retryAfter, challenge: e.challenge, message: e.message } }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
process.exit(0)

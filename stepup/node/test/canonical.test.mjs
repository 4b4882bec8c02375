import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { canonical, detailsHash, StepUpError } from '@sallyport-id/stepup'

test('the canonical form is that of RFC 8785', () => {
  const cases = [
    ['members in the order of UTF-16', { '\u20ac': 1, '\r': 2, '\ufb33': 3, 1: 4, '😀': 5, '\u0080': 6, ö: 7 }, '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}'],
    ['numbers as ECMAScript writes them', [333333333.33333329, 1e30, 4.5, 0.002, 1e-27, -0, 1e21, 1e-7], '[333333333.3333333,1e+30,4.5,0.002,1e-27,0,1e+21,1e-7]'],
    ['escapes, and no other', '€$\u000f\nA\'B"\\\\"/\u007f\u2028', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"'],
    ['what is undefined is left out', { b: null, a: undefined, c: [true, false] }, '{"b":null,"c":[true,false]}'],
    ['a member called __proto__', JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ['texts are not normalised', 'e\u0301', '"e\u0301"'],
  ]
  for (const [name, value, want] of cases) assert.equal(canonical(value), want, name)
})

test('what two readers could take for two things is refused', () => {
  const endless = []
  endless.push(endless)
  const cases = {
    'half of a surrogate pair': '\ud83d',
    'a name that is half of one': { '\udc00': 1 },
    'what is left of a text that was lost': 'a\ufffd',
    'a code point that is no character': '\ufdd0',
    'another one': '\u{1ffff}',
    'no number': NaN,
    infinity: [Infinity],
    'a big integer': 1n,
    'a function': () => 1,
    'a date': { at: new Date() },
    'an object that says itself how it is written': { toJSON: () => 1 },
    'an object of a class': new Map([[1, 2]]),
    'a hole in a list': [, 1],
    'undefined in a list': [undefined],
    'nothing at all': undefined,
    'no end': endless,
  }
  for (const [name, value] of Object.entries(cases)) {
    assert.throws(() => canonical(value), (e) => e instanceof StepUpError && e.code === 'bad_detail', name)
  }
})

// vectors.json is also held to the server and to the library in Go.
test('the hash is the one that the server makes', () => {
  const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'))
  assert.ok(vectors.length >= 5)
  for (const { name, issuer, clientId, subject, detail, canonical: form, hash } of vectors) {
    assert.equal(canonical(JSON.parse(form)), form, name)
    assert.equal(detailsHash({ issuer, clientId, subject, detail }), hash, name)
  }
})

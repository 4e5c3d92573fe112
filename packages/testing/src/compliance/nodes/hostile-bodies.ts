const encoder = new TextEncoder()
const bytes = (text: string) => encoder.encode(text)

/** Bodies that no message, request or answer may have, by what is wrong with them. */
export const unreadable: ReadonlyArray<readonly [what: string, body: Uint8Array]> = [
  ['nothing', new Uint8Array()],
  ['no JSON', bytes('hello')],
  ['half a JSON', bytes('{"n": ')],
  ['two JSONs', bytes('{"n":1}{"n":2}')],
  ['NaN', bytes('{"n":NaN}')],
  ['Infinity', bytes('{"n":-Infinity}')],
  ['control characters', bytes('{"n":\u001b[31m\nERROR all is lost\r\n')],
  ['invalid UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d)],
  ['an overlong UTF-8', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22)],
  ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
  ['zeros', new Uint8Array(1000)],
  ['__proto__', bytes('{"n":1,"__proto__":{"polluted":true}}')],
  ['an escaped __proto__', bytes('{"n":1,"\\u005f_pr\\u006fto__":{"polluted":true}}')],
  ['__proto__ deep inside', bytes('{"n":1,"a":[{"b":{"__proto__":{"polluted":true}}}]}')],
  ['10,000 arrays', bytes(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)],
  ['10,000 objects', bytes(`${'{"n":'.repeat(10_000)}1${'}'.repeat(10_000)}`)],
  ['10,000 arrays that are never closed', bytes(`{"n":1,"a":${'['.repeat(10_000)}`)],
]

/** JSON that is nothing one expects. */
export const unexpected: ReadonlyArray<readonly [what: string, body: Uint8Array]> = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '123456789012345678901234567890',
  '""',
  '"text"',
  '[]',
  '[[]]',
  '[null]',
  '{}',
  '{"n":null}',
  '{"n":"1x"}',
  '{"n":[]}',
  '{"n":{"n":1}}',
  '{"n":1e400}',
  '{"header":null,"data":null}',
  '{"header":{},"data":{}}',
  '{"header":[],"data":[]}',
  '{"header":{"reply_to":5},"data":{"n":1}}',
  '{"header":{"reply_to":null},"data":{"n":1}}',
  '{"header":{"reply_to":{}},"data":{"n":1}}',
  '{"header":{"properties":"x","timestamp":"now"},"data":{"n":1}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
].map(text => [text, bytes(text)] as const)

/** Numbers from 0 to 1 that are the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const TOKENS = [
  'null',
  '{}',
  '[]',
  '""',
  '-1',
  '1e999',
  'NaN',
  '"__proto__"',
  '\\u0000',
  '\u0000',
  '"',
  '\\',
  '{',
  '[',
  '}',
  ',',
  ':',
  'true',
  '"reply_to":"+/#"',
  '"goal_id":{}',
  '\ud83d',
  '99999999999999999999',
]

/** Makes bodies out of good ones, one by one a little or much worse; the same for the same seed. */
export function* fuzz(good: readonly string[], count: number, seed = 1): Generator<Uint8Array> {
  const next = random(seed)
  const upTo = (limit: number) => Math.floor(next() * limit)
  for (let i = 0; i < count; i++) {
    let body: Uint8Array = bytes(good[upTo(good.length)] as string)
    for (let changes = 1 + upTo(3); changes > 0; changes--) body = change(body, upTo)
    yield body
  }
}

function change(body: Uint8Array, upTo: (limit: number) => number): Uint8Array {
  const at = upTo(body.length + 1)
  const end = Math.min(body.length, at + upTo(12))
  switch (upTo(6)) {
    case 0: {
      const copy = body.slice()
      if (at < copy.length) copy[at] = upTo(256)
      return copy
    }
    case 1:
      return body.slice(0, at)
    case 2:
      return join(body.subarray(0, at), body.subarray(end))
    case 3:
      return join(body.subarray(0, end), body.subarray(at))
    case 4:
      return join(
        body.subarray(0, at),
        Uint8Array.from({ length: upTo(8) }, () => upTo(256)),
        body.subarray(at),
      )
    default:
      return join(body.subarray(0, at), bytes(TOKENS[upTo(TOKENS.length)] as string), body.subarray(end))
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

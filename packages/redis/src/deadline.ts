/**
 * How long an item of a list is worth handling, written before it in characters that every JSON parser skips: a tab, then
 * 21 digits of base 4, the most significant first, each a space, a tab, a line feed or a carriage return. They are the
 * milliseconds of the server's clock at which it is over.
 */
const DIGITS = [0x20, 0x09, 0x0a, 0x0d] as const
const MARK = 0x09
const COUNT = 21
const LENGTH = 1 + COUNT

const values = new Map<number, number>(DIGITS.map((digit, value) => [digit, value]))

/** Puts a deadline before a body. */
export function withDeadline(body: Uint8Array, deadline: number): Buffer {
  const item = Buffer.allocUnsafe(LENGTH + body.byteLength)
  item[0] = MARK
  let rest = Math.max(0, Math.floor(deadline))
  for (let i = COUNT; i > 0; i--) {
    item[i] = DIGITS[(rest % 4) as 0 | 1 | 2 | 3]
    rest = Math.floor(rest / 4)
  }
  item.set(body, LENGTH)
  return item
}

/** The body, and its deadline if it has one. */
export function readDeadline(item: Buffer): { readonly body: Buffer; readonly deadline: number | undefined } {
  if (item[0] !== MARK || item.length < LENGTH) return { body: item, deadline: undefined }
  let deadline = 0
  for (let i = 1; i < LENGTH; i++) {
    const value = values.get(item[i] as number)
    if (value === undefined) return { body: item, deadline: undefined }
    deadline = deadline * 4 + value
  }
  return { body: item.subarray(LENGTH), deadline }
}

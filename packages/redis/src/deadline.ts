import type { Frame } from '@commlib/core/internal'
import type { Body } from './resp/writer.ts'

/**
 * How long an item of a list is worth handling, written before it in characters that every JSON parser skips: a tab, then
 * 21 digits of base 4, the most significant first, each a space, a tab, a line feed or a carriage return. They are the
 * milliseconds of the server's clock at which it is over.
 */
const DIGITS = ' \t\n\r'
const MARK = '\t'
const COUNT = 21
const LENGTH = 1 + COUNT

/** By byte: its value and 1, or 0 where it is no digit. */
const values = new Uint8Array(256)
for (let value = 0; value < DIGITS.length; value++) values[DIGITS.charCodeAt(value)] = value + 1

/** Four digits, by their value. */
const FOURS = Array.from({ length: 256 }, (_, four) =>
  [6, 4, 2, 0].map(shift => DIGITS.charAt((four >> shift) & 3)).join(''),
)

/** Puts a deadline before a frame's body. */
export function withDeadline(frame: Frame, deadline: number): Body {
  let digits = ''
  let rest = Math.max(0, Math.floor(deadline))
  for (let i = 0; i < COUNT - 1; i += 4) {
    digits = FOURS[rest % 256] + digits
    rest = Math.floor(rest / 256)
  }
  return { prefix: MARK + DIGITS.charAt(rest % 4) + digits, frame }
}

/** The body, and its deadline if it has one. */
export function readDeadline(item: Buffer): { readonly body: Buffer; readonly deadline: number | undefined } {
  if (item[0] !== MARK.charCodeAt(0) || item.length < LENGTH) return { body: item, deadline: undefined }
  let deadline = 0
  for (let i = 1; i < LENGTH; i++) {
    const value = values[item[i] as number] as number
    if (value === 0) return { body: item, deadline: undefined }
    deadline = deadline * 4 + value - 1
  }
  return { body: item.subarray(LENGTH), deadline }
}

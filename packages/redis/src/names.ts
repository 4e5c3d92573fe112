import { escapeSegment } from '@commlib/core/internal'

/** Names that core's dotted ones have no room for: they hold `*` or `%`, or an empty segment. */
const FOREIGN = /[*%]|\.\.|^\.|\.$|^$/

/** A topic's or queue's name, as Redis has it: the same, but for what had to be escaped. */
export function toKey(name: string): string {
  return name.includes('%') ? name.split('.').map(unescapeSegment).join('.') : name
}

/** A pattern as PSUBSCRIBE takes it. Its `*` also matches dots: core's grammar has to look again. */
export function toGlob(pattern: string): string {
  return pattern
    .split('.')
    .map(segment => (segment === '*' ? '*' : unescapeSegment(segment).replace(/[*?[\]\\^]/g, '\\$&')))
    .join('.')
}

/** A channel's dotted name. What others use and the grammar does not know arrives escaped. */
export function fromKey(key: string): string {
  return FOREIGN.test(key) ? key.split('.').map(escapeSegment).join('.') : key
}

function unescapeSegment(segment: string): string {
  if (segment === '%') return ''
  return segment.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** A return address of ours: the list that all calls of a connection share, and the call's token. */
const RETURN = /^(rpc-[0-9a-f]{32})\.([\w-]+)$/

/** The two parts of a return address of ours. */
export function splitReturn(address: string): readonly [list: string, token: string] | undefined {
  if (!address.startsWith('rpc-')) return undefined
  const [, list, token] = RETURN.exec(address) ?? []
  return list === undefined || token === undefined ? undefined : [list, token]
}

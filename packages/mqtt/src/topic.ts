import { escapeSegment } from '@commlib/core/internal'

/** Levels that core's dotted names have no room for: they hold `.`, `*` or `%`, or are empty. */
const FOREIGN = /[.*%]|\/\/|^\/|\/$|^$/

/** `a.*.c` is `a/+/c` on the wire, and `a.*` is `a/#`, which there also matches `a`. */
export function toFilter(pattern: string): string {
  if (!pattern.includes('*')) return toTopic(pattern)
  return pattern
    .split('.')
    .map((segment, i, all) => (segment !== '*' ? unescapeSegment(segment) : i === all.length - 1 ? '#' : '+'))
    .join('/')
}

/** Makes MQTT's name of a dotted one. */
export function toTopic(name: string): string {
  return name.includes('%') ? name.split('.').map(unescapeSegment).join('/') : name.replaceAll('.', '/')
}

/** Makes a dotted name of MQTT's. What others use and the grammar does not know arrives escaped. */
export function fromTopic(topic: string): string {
  return FOREIGN.test(topic) ? topic.split('/').map(escapeSegment).join('.') : topic.replaceAll('/', '.')
}

/** The same, remembering the topics that come again and again. */
export function topicCache(limit = 2000): (topic: string) => string {
  let names = new Map<string, string>()
  return topic => {
    let name = names.get(topic)
    if (name === undefined) {
      name = fromTopic(topic)
      if (names.size >= limit) names = new Map()
      names.set(topic, name)
    }
    return name
  }
}

/** Whether a topic could match both filters. Neither may be a shared one. */
export function overlap(a: string, b: string): boolean {
  const as = a.split('/')
  const bs = b.split('/')
  for (let i = 0; ; i++) {
    const x = as[i]
    const y = bs[i]
    if (x === '#' || y === '#') return true
    // `a/#` also matches `a`.
    if (x === undefined) return y === undefined || bs[i] === '#'
    if (y === undefined) return false
    if (x !== y && x !== '+' && y !== '+') return false
  }
}

function unescapeSegment(segment: string): string {
  if (segment === '%') return ''
  return segment.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

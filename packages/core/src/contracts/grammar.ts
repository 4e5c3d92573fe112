import { CommlibError } from '../errors.ts'
import { show } from '../util/options.ts'

/**
 * The grammar of names. A topic is dotted: `sensors.kitchen.temperature`. In a pattern `*` is one segment in
 * the middle and one or more at the end, `{room}` is exactly one, captured, and `{rest...}`, at the end, one or
 * more, captured with their dots.
 */
const SEGMENT = /^[\w-]+$/
const CAPTURE = /^\{([A-Za-z_]\w*)(\.\.\.)?\}$/

/** Values captured from a topic, by name. */
export type Params = Readonly<Record<string, string>>

/** A name, compiled. */
export interface Pattern {
  /** As it was written. */
  readonly name: string

  /** As a transport takes it: captures are `*`. */
  readonly address: string

  /** Whether it can match more than one topic. */
  readonly wild: boolean

  /** What the topic's captures are, or `undefined` if it does not match. */
  match(topic: string): Params | undefined

  /** The one topic that these captures make. */
  fill(params: Params): string
}

/** Whether a transport's address stands for many topics. */
export function isPattern(address: string): boolean {
  return address.includes('*')
}

/** Throws `INVALID_TOPIC` unless this is the name of one topic. */
export function assertTopic(topic: string): void {
  if (typeof topic !== 'string' || !topic.split('.').every(segment => SEGMENT.test(segment))) {
    throw new CommlibError('INVALID_TOPIC', `not a topic: ${show(topic)} (dotted names of letters, digits, _ and -)`)
  }
}

/** Compiles a topic or pattern, or throws `INVALID_TOPIC`. */
export function compilePattern(name: string): Pattern {
  if (typeof name !== 'string' || name === '') throw invalid(name, 'it is empty')
  // The dots of `{rest...}` are no separators.
  const segments = name.split(/\.(?![^{]*\})/)
  const captures: string[] = []
  let wild = false
  let source = ''
  const address = segments
    .map((segment, i) => {
      const last = i === segments.length - 1
      const separator = i === 0 ? '' : '\\.'
      if (segment === '*') {
        wild = true
        source += separator + (last ? '.+' : '[^.]+')
        return '*'
      }
      const capture = CAPTURE.exec(segment)
      if (capture !== null) {
        const [, key = '', rest] = capture
        if (rest !== undefined && !last) throw invalid(name, `${segment} must be its last segment`)
        if (captures.includes(key)) throw invalid(name, `{${key}} stands in it twice`)
        wild = true
        captures.push(key)
        source += `${separator}(${rest === undefined ? '[^.]+' : '.+'})`
        return '*'
      }
      if (!SEGMENT.test(segment)) {
        throw invalid(name, `segment ${show(segment)} is not letters, digits, _ and -, nor *, {name} or {rest...}`)
      }
      source += separator + segment
      return segment
    })
    .join('.')

  const none: Params = Object.freeze({})
  const regexp = new RegExp(`^${source}$`)
  const match = (topic: string): Params | undefined => {
    if (!wild) return topic === name ? none : undefined
    const found = regexp.exec(topic)
    if (found === null) return undefined
    if (captures.length === 0) return none
    return Object.fromEntries(captures.map((key, i) => [key, found[i + 1] as string]))
  }

  return {
    name,
    address,
    wild,
    match,
    fill: params => {
      const topic = segments.map(segment => params[CAPTURE.exec(segment)?.[1] ?? ''] ?? segment).join('.')
      const captured = match(topic)
      for (const key of captures) {
        if (captured?.[key] === String(params[key])) continue
        throw new CommlibError('INVALID_TOPIC', `'${name}' needs params.${key}, and cannot take ${show(params[key])}`)
      }
      if (topic.includes('*')) throw new CommlibError('INVALID_TOPIC', `'${name}' is a pattern: name { topic }`)
      assertTopic(topic)
      return topic
    },
  }
}

/**
 * Matches a transport's address (`*` as its only wildcard) against topics. For transports whose broker delivers
 * once per filter rather than once per subscriber.
 */
export function matcher(address: string): (topic: string) => boolean {
  if (!isPattern(address)) return topic => topic === address
  const { match } = compilePattern(address)
  return topic => match(topic) !== undefined
}

/** Whether a topic carries calls rather than messages: reply addresses and control topics. */
export function isInternal(topic: string): boolean {
  return topic.startsWith('rpc-') || topic.endsWith('._cancel')
}

/**
 * Makes one segment of a foreign name (a level with dots, an empty one, `$SYS`) fit the grammar's dots, reversibly: what is
 * escaped can be told, compared and shown, and is refused when sending.
 */
export function escapeSegment(segment: string): string {
  if (segment === '') return '%'
  return segment.replace(/[%.*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function invalid(name: unknown, why: string): CommlibError {
  return new CommlibError('INVALID_TOPIC', `not a topic or pattern: ${show(name)}: ${why}`)
}

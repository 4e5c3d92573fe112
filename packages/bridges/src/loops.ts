import { type Context, type Frame, isPattern, matcher, randomId } from '@commlib/core/internal'
import { Recent } from './recent.ts'

/** The header in which a message says which brokers it has been on, in order; the first is where it came from. */
const HOPS = 'hops'

/** Brokers that a message may have been on; what went further is taken to be lost. */
const MAX_HOPS = 16

/** Characters of all their names, which a call has room for. */
const MAX_LENGTH = 256

/** The brokers that what comes from one goes to another with, or `undefined` if it has been there, or has come too far. */
export function hopsOn(hops: string | undefined, source: string, sink: string): string | undefined {
  if (hops === undefined) return `${source},${sink}`
  const visited = hops.split(',')
  if (visited.includes(sink) || visited.length >= MAX_HOPS) return undefined
  return visited.includes(source) ? `${hops},${sink}` : `${hops},${source},${sink}`
}

/** The same for a call, whose header has room for less. */
export function callHops(hops: string | undefined, source: string, sink: string): string | undefined {
  const next = hopsOn(hops, source, sink)
  return next === undefined || next.length > MAX_LENGTH ? undefined : next
}

/** One that reads from a broker, and must know again what bridges of this process have put there. */
interface Reader {
  readonly reliable: boolean
  readonly matches: (topic: string) => boolean
  readonly recent: Recent
}

/**
 * Who reads, by broker. Bridges of one process must find each other, whoever made them; an entry is there as long as its
 * bridge is open.
 */
const readers = new Map<string, Set<Reader>>()

/** What a broker is called in {@link HOPS}, where nobody has named it: by the connection. */
function connectionName(): string {
  return randomId().slice(0, 10)
}

/** The name of a broker. */
export function brokerName(context: Context, given: string | undefined): string {
  return given ?? context.share(connectionName)
}

/** The brokers at both ends of one direction. */
export interface LoopOptions {
  readonly source: { readonly name: string; readonly context: Context; readonly reliable: boolean }
  readonly sink: { readonly name: string; readonly context: Context; readonly reliable: boolean }
  readonly pattern: string
}

/** Tells, for one direction of a bridge, which messages have been on the other side, and marks those that go there. */
export interface LoopGuard {
  /** The brokers that a message has been on, or `undefined` if it must not go on. */
  arrived(topic: string, frame: Frame): string | undefined

  /** The headers that a message goes on with. */
  mark(frame: Frame, hops: string): Frame['headers']
  close(): void
}

/** What is told of each message that is published, for who reads at the sink where headers do not travel. */
export interface Publishing {
  /** It is about to be published. */
  begins(topic: string, frame: Frame): void

  /** The sink has taken it: whoever reads it there does so from now on. */
  ends(topic: string, frame: Frame): void
}

export function guardLoops({ source, sink, pattern }: LoopOptions): LoopGuard & Publishing {
  const matches = isPattern(pattern) ? matcher(pattern) : (topic: string) => topic === pattern
  const reader: Reader = { reliable: source.reliable, matches, recent: new Recent() }
  const here = readers.get(source.name) ?? new Set()
  readers.set(source.name, here.add(reader))
  const direct = `${source.name},${sink.name}`
  const prefix = randomId()
  let count = 0
  const plain = Object.freeze({ [HOPS]: direct })

  const { supports } = sink.context.transport
  /** Whether a header reaches this reader. */
  const told = (other: Reader) =>
    supports.headers === 'always' || (supports.headers === 'reliable' && sink.reliable && other.reliable)
  const each = (topic: string, visit: (recent: Recent) => void) => {
    if (supports.headers === 'always') return
    for (const other of readers.get(sink.name) ?? [])
      if (other !== reader && !told(other) && other.matches(topic)) visit(other.recent)
  }

  return {
    arrived: (topic, frame) => {
      const hops = frame.headers?.[HOPS] ?? (reader.recent.size > 0 ? reader.recent.take(topic, frame.body) : undefined)
      return hops === undefined ? direct : hopsOn(hops, source.name, sink.name)
    },
    mark: ({ headers }, hops) => {
      // What is sent again after a failure is known by its id, whoever published it.
      const id = sink.reliable && headers?.['id'] === undefined ? { id: prefix + count++ } : undefined
      if (headers === undefined && id === undefined) return hops === direct ? plain : { [HOPS]: hops }
      return { ...headers, ...id, [HOPS]: hops }
    },
    begins: (topic, { body, headers }) => each(topic, recent => recent.add(topic, body, headers?.[HOPS] ?? direct)),
    ends: (topic, { body }) => each(topic, recent => recent.renew(topic, body)),
    close: () => {
      here.delete(reader)
      if (here.size === 0) readers.delete(source.name)
    },
  }
}

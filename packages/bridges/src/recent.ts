import { createHash } from 'node:crypto'

/** Milliseconds that a message is remembered after its broker has taken it. */
const TIME = 30_000

/** Messages that are remembered, beyond which the oldest is forgotten. */
const COUNT = 20_000

/** Bytes of a body that are cheaper to compare than to hash. */
const SHORT = 200

interface Entry {
  readonly hops: string
  count: number
  until: number
}

/**
 * What has just been forwarded, counted: a sensor may repeat a value, so each crossing excuses one arrival. Bounded in time
 * and in number.
 */
export class Recent {
  readonly #entries = new Map<string, Entry>()

  get size(): number {
    return this.#entries.size
  }

  add(topic: string, body: Uint8Array, hops: string): void {
    const key = keyOf(topic, body)
    const known = this.#entries.get(key)
    // Sets it last: the map is in the order of age.
    this.#entries.delete(key)
    const now = performance.now()
    const count = known !== undefined && known.until > now ? known.count + 1 : 1
    this.#entries.set(key, { hops, count, until: now + TIME })
    this.#trim(now)
  }

  /** Counts its time from now, if it is still known. */
  renew(topic: string, body: Uint8Array): void {
    const entry = this.#entries.get(keyOf(topic, body))
    if (entry !== undefined) entry.until = performance.now() + TIME
  }

  /** The brokers that it has been on, once for each time that it was added. */
  take(topic: string, body: Uint8Array): string | undefined {
    const key = keyOf(topic, body)
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (--entry.count === 0) this.#entries.delete(key)
    return entry.until > performance.now() ? entry.hops : undefined
  }

  #trim(now: number): void {
    for (const [key, { until }] of this.#entries) {
      if (until > now && this.#entries.size <= COUNT) return
      this.#entries.delete(key)
    }
  }
}

function keyOf(topic: string, body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const text = body.length <= SHORT ? bytes.toString('latin1') : createHash('sha1').update(bytes).digest('base64')
  return `${topic}\n${text}`
}

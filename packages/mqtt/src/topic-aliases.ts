/** A number that stands for a topic on one connection (MQTT 5, section 3.3.2.3.4). */
export interface TopicAlias {
  readonly number: number

  /** The broker has been told: the topic is left out from now on. */
  told: boolean
}

/** Publishes to a topic after which it has an alias: the broker takes few, and most topics of calls are used once. */
const OFTEN = 8

/** Topics whose publishes are counted. */
const MAX_COUNTED = 1000

/**
 * Names the busiest topics of a connection by numbers, so that they are not sent each time. It saves their bytes, and
 * mosquitto one system call of twelve for each message that thereby gets shorter than 128 bytes.
 */
export class TopicAliases {
  readonly #max: number
  readonly #aliases = new Map<string, TopicAlias>()
  readonly #counts = new Map<string, number>()

  /** @param max how many the broker takes */
  constructor(max: number) {
    this.#max = max
  }

  /** What a topic that is published to may be called, if it has an alias. */
  of(topic: string): TopicAlias | undefined {
    return this.#aliases.get(topic) ?? (this.#aliases.size < this.#max ? this.#count(topic) : undefined)
  }

  #count(topic: string): TopicAlias | undefined {
    const count = (this.#counts.get(topic) ?? 0) + 1
    if (count < OFTEN) {
      if (this.#counts.size >= MAX_COUNTED) this.#counts.clear()
      this.#counts.set(topic, count)
      return undefined
    }
    this.#counts.delete(topic)
    const alias = { number: this.#aliases.size + 1, told: false }
    this.#aliases.set(topic, alias)
    if (this.#aliases.size === this.#max) this.#counts.clear()
    return alias
  }
}

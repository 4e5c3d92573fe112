/** Milliseconds after connecting within which an end is suspicious. */
const SHORT = 1000

/** A message that the broker does not take ends three, until it is given up. */
const SUSPICIOUS = 4

/**
 * Guesses that another client uses the same id: MQTT 3.1.1 and mosquitto 2.0 close the older connection without a
 * word, and two that reconnect would fight for ever.
 */
export class TakeoverGuess {
  #count = 0

  /** No connection could be opened: it is the broker that comes and goes, and nobody who fights. */
  failed(): void {
    this.#count = 0
  }

  /** Whether this end of a connection is one too many. @param orderly closed by the broker, not broken */
  ended(lifetime: number, orderly: boolean): boolean {
    this.#count = orderly && lifetime < SHORT ? this.#count + 1 : 0
    return this.#count >= SUSPICIOUS
  }
}

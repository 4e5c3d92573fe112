/** First in, first out, without the cost that `Array.shift` has on long arrays. */
export class Queue<T> {
  #items: Array<T | undefined> = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  /** The one that is next. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** Adds to the end. */
  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes from the front. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Takes everything, in order. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    return items
  }
}

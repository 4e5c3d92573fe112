import type { Context } from './context.ts'

/** Tells of dropped messages: soon, and in one sum rather than one by one. */
export class DropCounter {
  readonly #context: Context
  readonly #reason: string
  #dropped = 0

  constructor(context: Context, reason: string) {
    this.#context = context
    this.#reason = reason
  }

  readonly drop = (): void => {
    if (this.#dropped++ === 0) setTimeout(() => this.#tell(), 100)
  }

  #tell(): void {
    const dropped = this.#dropped
    this.#dropped = 0
    this.#context.tellStatus({ type: 'messages-lost', count: dropped, reason: this.#reason })
  }
}

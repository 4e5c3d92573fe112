import type { Frame } from '../transport.ts'
import type { Dispatcher, Task } from './dispatcher.ts'
import { attempt, type Member } from './mailbox.ts'

/** Gives its member every frame, without waiting for anything. */
export class Listener {
  readonly #dispatcher: Dispatcher
  readonly #capacity: number
  readonly #member: Member
  #waiting = 0
  #lost = 0
  #closed = false

  constructor(dispatcher: Dispatcher, capacity: number, member: Member) {
    this.#dispatcher = dispatcher
    this.#capacity = capacity
    this.#member = member
  }

  take(topic: string, frame: Frame): void {
    if (this.#waiting >= this.#capacity) {
      this.#lost++
      return
    }
    this.#waiting++
    this.#dispatcher.add(new Delivery(this, topic, frame))
  }

  deliver(topic: string, frame: Frame): void {
    this.#waiting--
    if (this.#closed) return
    if (this.#lost > 0) {
      const lost = this.#lost
      this.#lost = 0
      this.#member.onLost(lost)
    }
    attempt(this.#member, topic, frame)?.then(undefined, this.#member.onError)
  }

  close(): void {
    this.#closed = true
  }
}

class Delivery implements Task {
  readonly #listener: Listener
  readonly #topic: string
  readonly #frame: Frame

  constructor(listener: Listener, topic: string, frame: Frame) {
    this.#listener = listener
    this.#topic = topic
    this.#frame = frame
  }

  run(): void {
    this.#listener.deliver(this.#topic, this.#frame)
  }
}

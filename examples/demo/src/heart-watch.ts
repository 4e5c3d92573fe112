import { CommlibError } from '@commlib/core'

/** Milliseconds without a heartbeat until a node counts as gone. */
const SILENCE = 3000

/** Watches the heart of one node. */
export class HeartWatch {
  /** Rejects when a heart that was heard has stopped. */
  readonly stopped: Promise<never>
  #timer: NodeJS.Timeout | undefined
  #stop: () => void = () => {}

  constructor(node: string) {
    this.stopped = new Promise((_, reject) => {
      this.#stop = () =>
        reject(new CommlibError('TIMEOUT', `${node} is gone: it has sent no heartbeat for ${SILENCE / 1000} s`))
    })
    // Nobody may be waiting yet.
    this.stopped.catch(() => {})
  }

  beat(): void {
    this.rest()
    this.#timer = setTimeout(this.#stop, SILENCE)
  }

  /** Expects nothing until the next beat. */
  rest(): void {
    clearTimeout(this.#timer)
  }
}

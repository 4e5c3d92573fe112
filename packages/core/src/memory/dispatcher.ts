/** Something to be done in its turn. It must not throw. */
export interface Task {
  run(): void
}

/** Turns in microtasks before timers and sockets get theirs: two programs that answer each other would starve them. */
const TURNS = 1024

// Browsers have no setImmediate.
const soon: (callback: () => void) => void =
  typeof setImmediate === 'function'
    ? callback => void setImmediate(callback)
    : callback => void setTimeout(callback, 0)

const resolved = Promise.resolve()

/** Runs tasks in order, after the code that asked for them has returned. */
export class Dispatcher {
  /**
   * For a sender to await, which makes no promise of its own: settled, unless timers and sockets are having their turn.
   * A sender that did not wait for those would fill every buffer meanwhile.
   */
  taken: Promise<void> = resolved

  #tasks: Task[] = []
  #spare: Task[] = []
  #scheduled = false
  #turns = TURNS

  add(task: Task): void {
    this.#tasks.push(task)
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.#turns-- > 0) {
      void resolved.then(this.#run)
    } else {
      this.#turns = TURNS
      this.taken = new Promise(resolve => {
        soon(() => {
          this.taken = resolved
          this.#run()
          resolve()
        })
      })
    }
  }

  readonly #run = (): void => {
    const tasks = this.#tasks
    this.#tasks = this.#spare
    this.#scheduled = false
    for (let i = 0; i < tasks.length; i++) tasks[i]?.run()
    tasks.length = 0
    this.#spare = tasks
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

interface Place {
  readonly x: number
  readonly y: number
}

/** Metres a second. */
const PACE = 1.25

/** Milliseconds between two looks at the world. */
export const TICK = 100

/** The simulated robot: where it is, what its sensors say. Nothing of commlib is in here. */
export class RobotBody {
  readonly #speed: number
  #place: Place = { x: 0, y: 0 }
  #motor = 24
  #battery = 98
  /** How much of the last trip is done: 0 to 1. */
  #progress = 0

  constructor(speed: number) {
    this.#speed = speed
  }

  distance({ x, y }: Place): number {
    return Math.hypot(x - this.#place.x, y - this.#place.y)
  }

  /** Drives, and tells after each step how far it has come; stops where it is when the signal aborts. */
  async *drive(goal: Place, signal: AbortSignal): AsyncGenerator<{ progress: number; metres: number }> {
    const start = this.#place
    const length = this.distance(goal)
    this.#progress = 0
    for (let metres = 0; metres < length && !signal.aborted; ) {
      await sleep(TICK)
      metres = Math.min(length, metres + (PACE * this.#speed * TICK) / 1000)
      const progress = metres / length
      this.#progress = progress
      this.#place = { x: start.x + progress * (goal.x - start.x), y: start.y + progress * (goal.y - start.y) }
      this.#motor += (61 - this.#motor) * 0.04 * this.#speed
      this.#battery -= 0.05 * this.#speed
      yield { progress, metres }
    }
  }

  /** Metres to what is ahead: something stands at two thirds of every way. */
  get ahead(): number {
    return 0.35 + 2.4 * Math.abs(this.#progress - 2 / 3)
  }

  get sensors(): Record<string, { value: number; unit: string }> {
    const noise = () => (Math.random() - 0.5) / 10
    this.#motor += (24 - this.#motor) * 0.01
    return {
      sonar: { value: this.ahead + noise(), unit: 'm' },
      motor: { value: this.#motor + 4 * noise(), unit: '°C' },
      battery: { value: this.#battery, unit: '%' },
    }
  }
}

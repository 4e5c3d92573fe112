import assert from 'node:assert/strict'
import {
  type Board,
  type BoardEffect,
  type BoardOptions,
  emptyBoard,
  findGoal,
  reduce,
} from '../../src/actions/goal-board.ts'
import { type GoalStatus, isFinal } from '../../src/actions/goal-machine.ts'
import { newTracker, type Tracker, type TrackerEvent, track } from '../../src/actions/goal-tracker.ts'

/** From each status to those that may follow. 0 is what a watcher knows before the first. */
const LEGAL: Record<number, readonly number[]> = { 0: [1], 1: [2, 3, 5], 2: [3, 4, 5], 3: [5, 6], 4: [], 5: [], 6: [] }

/** What happened to one goal that a service has taken. */
interface History {
  readonly order: number
  status: number
  ended: number
  aborts: number
  runs: number
  endedAt: number
}

/** A client with one goal, and the network between it and the service. */
interface Client {
  readonly id: string
  /** The service ignores the id that the client proposes, as commlib-py's does. */
  readonly foreign: boolean
  tracker: Tracker
  connected: boolean
  readonly news: TrackerEvent[]
  replies: TrackerEvent[]
  rejected: boolean
  ends: number
  status: number
  readonly feedback: number[]
}

/**
 * A service's board, clients with a goal each, and a network that delays, loses and repeats: every command is one thing
 * that can happen, and each is followed by a look at everything that must hold.
 */
export class World {
  board: Board
  now = 0
  readonly histories = new Map<string, History>()
  readonly clients: Client[] = []
  /** What happened, to be shown when something is wrong. */
  readonly log: unknown[] = []
  readonly #handlers = new Map<string, { aborted: boolean; over: boolean }>()
  readonly #ready: string[] = []
  #feedback = 0
  #orders = 0
  readonly #endings: Array<{ readonly id: string; readonly at: number }> = []

  /** Sixteen things that can happen, some twice: they are to be more frequent. */
  readonly #commands: ReadonlyArray<(argument: number) => void> = [
    argument => this.#send(argument),
    argument => this.#send(argument),
    argument => this.#send(argument),
    argument => this.#again(argument),
    argument => this.#cancel(argument),
    argument => this.#cancel(argument),
    () => this.#start(),
    argument => this.#settle(argument),
    argument => this.#settle(argument),
    argument => this.#overdue(argument),
    argument => this.#sendFeedback(argument),
    argument => this.#deliver(argument),
    argument => this.#deliver(argument),
    argument => this.#ask(argument),
    argument => this.#network(argument),
    argument => this.#time(argument),
  ]

  constructor(options: BoardOptions) {
    this.board = emptyBoard(options)
  }

  command(code: number): void {
    this.#commands[code & 15]?.(code >> 4)
  }

  /** The network heals, handlers come to an end and clients go on asking: everything that began must end. */
  finish(): void {
    for (let turn = 0; turn < 1000 && (this.#ready.length > 0 || this.#handlers.size > 0); turn++) {
      this.#start()
      this.#settle(turn)
    }
    assert.equal(this.board.running.length, 0, 'nothing runs in the end')
    assert.equal(this.board.queued.length, 0, 'nothing waits in the end')
    for (const [id, history] of this.histories) assert.equal(history.ended, 1, `goal ${id} ends exactly once`)
    for (const client of this.clients) this.#heal(client)
  }

  #heal(client: Client): void {
    client.connected = true
    while (client.news.length + client.replies.length > 0)
      this.#hear(client, client.replies.shift() ?? client.news.shift())
    if (client.rejected) assert.equal(client.ends, 0, 'a rejected goal has no end')
    if (client.rejected) return
    // Its answer was lost: it sends its goal again.
    if (!client.tracker.accepted) {
      this.#dispatch({ type: 'send', id: client.id, now: this.now }, client)
      while (client.replies.length > 0) this.#hear(client, client.replies.shift())
      if (client.rejected) return
      this.#start()
      for (const id of [...this.#handlers.keys()]) this.#return(id)
    }
    this.#answer(client)
    while (client.replies.length > 0) this.#hear(client, client.replies.shift())
    assert.equal(client.ends, 1, `client ${client.id} hears exactly one end`)
  }

  #send(argument: number): void {
    const id = `g${this.clients.length}`
    this.clients.push({
      id,
      foreign: argument % 3 === 0,
      tracker: newTracker(argument % 3 === 0 ? `mine-${id}` : id),
      connected: true,
      news: [],
      replies: [],
      rejected: false,
      ends: 0,
      status: 0,
      feedback: [],
    })
    this.#dispatch({ type: 'send', id, now: this.now }, this.clients.at(-1))
  }

  #again(argument: number): void {
    const client = this.#pick(argument)
    // Who has its answer has no reason to ask again.
    if (client === undefined || client.rejected || client.tracker.accepted) return
    this.#dispatch({ type: 'send', id: client.id, now: this.now }, client)
  }

  #cancel(argument: number): void {
    const id = this.#pick(argument)?.id ?? 'nobody'
    this.#dispatch({ type: 'cancel', id, now: this.now })
  }

  #start(): void {
    const id = this.#ready.shift()
    if (id !== undefined) this.#dispatch({ type: 'start', id, now: this.now })
  }

  #settle(argument: number): void {
    const ids = [...this.#handlers.keys()]
    const id = ids[argument % ids.length]
    if (id === undefined) return
    const aborted = this.#handlers.get(id)?.aborted ?? false
    this.#handlers.delete(id)
    const error = { name: 'Error', message: id }
    if (argument % 3 === 0) this.#dispatch({ type: 'threw', id, error, aborted, now: this.now })
    else if (argument % 3 === 1) this.#dispatch({ type: 'threw', id, error, aborted: false, now: this.now })
    else this.#dispatch({ type: 'returned', id, result: `${id} done`, now: this.now })
  }

  #return(id: string): void {
    this.#handlers.delete(id)
    this.#dispatch({ type: 'returned', id, result: `${id} done`, now: this.now })
  }

  /** The handler goes on, and may return later, when nobody wants to know. */
  #overdue(argument: number): void {
    const ids = [...this.#handlers].filter(([, handler]) => handler.aborted).map(([id]) => id)
    const id = ids[argument % ids.length]
    if (id !== undefined) this.#dispatch({ type: 'overdue', id, now: this.now })
  }

  #sendFeedback(argument: number): void {
    const ids = [...this.#handlers.keys()]
    const id = ids[argument % ids.length]
    if (id === undefined) return
    this.#feedback += 1
    this.#publish({ type: 'feedback', id, feedback: this.#feedback })
  }

  /** Something arrives: replies and news travel on two ways, and either may be first. */
  #deliver(argument: number): void {
    const client = this.#pick(argument >> 2)
    if (client === undefined || !client.connected) return
    const event = argument % 2 === 0 ? (client.replies.shift() ?? client.news.shift()) : client.news.shift()
    this.#hear(client, event)
    // Delivered twice.
    if (argument % 7 === 0 && event?.type === 'status') this.#hear(client, event)
  }

  #ask(argument: number): void {
    const client = this.#pick(argument)
    if (client === undefined || !client.tracker.accepted) return
    const goal = findGoal(this.board, client.id, this.now)
    // commlib-py says nothing while a goal runs.
    if (argument % 5 === 0 && goal !== undefined && !isFinal(goal.status)) this.#hear(client, { type: 'silence' })
    else this.#answer(client)
  }

  #network(argument: number): void {
    const client = this.#pick(argument >> 1)
    if (client === undefined) return
    client.connected = !client.connected
    if (!client.connected) {
      client.news.length = 0
      client.replies = []
    }
  }

  #time(argument: number): void {
    if (argument % 16 === 15) this.#dispatch({ type: 'close', drain: argument % 32 === 15, now: this.now })
    this.now += argument % 7
    this.#dispatch({ type: 'tick', now: this.now })
  }

  #pick(argument: number): Client | undefined {
    return this.clients[argument % this.clients.length]
  }

  #answer(client: Client): void {
    const goal = findGoal(this.board, client.id, this.now)
    client.replies.push({ type: 'result', status: goal?.status ?? 0, result: goal?.result, error: goal?.error })
  }

  #dispatch(event: Parameters<typeof reduce>[1], sender?: Client): void {
    const { board, effects } = reduce(this.board, event)
    this.log.push(event, effects)
    this.board = board
    for (const effect of effects) this.#carryOut(effect, sender)
    this.#look()
  }

  #carryOut(effect: BoardEffect, sender: Client | undefined): void {
    switch (effect.type) {
      case 'accepted':
        this.#accepted(effect.id)
        if (sender?.connected) sender.replies.push({ type: 'accepted', id: effect.id })
        return
      case 'status':
        this.#moved(effect.id, effect.status)
        this.#publish({ type: 'status', id: effect.id, status: effect.status })
        return
      case 'ready':
        this.#ready.push(effect.id)
        return
      case 'run': {
        const history = this.#history(effect.id)
        history.runs += 1
        assert.equal(history.runs, 1, 'a goal runs once')
        this.#handlers.set(effect.id, { aborted: false, over: false })
        return
      }
      case 'abort': {
        const history = this.#history(effect.id)
        history.aborts += 1
        assert.equal(history.aborts, 1, 'a signal aborts once')
        const handler = this.#handlers.get(effect.id)
        assert(handler, 'only what runs is aborted')
        handler.aborted = true
        return
      }
      case 'ended': {
        const history = this.#history(effect.goal.id)
        history.ended += 1
        history.endedAt = this.now
        this.#endings.push({ id: effect.goal.id, at: this.now })
        assert.equal(history.ended, 1, 'a goal ends once')
        assert.equal(effect.goal.status, history.status, 'and as was announced')
        return
      }
      case 'refused':
        // A goal, or nothing but its cancellation.
        if (sender && !sender.tracker.accepted && !this.histories.has(sender.id)) sender.rejected = true
        return
    }
  }

  #accepted(id: string): void {
    const known = this.histories.get(id)
    // Forgotten, and therefore new.
    if (known !== undefined && (known.ended === 0 || this.board.ended.get(id, this.now) !== undefined)) return
    this.histories.set(id, { order: this.#orders++, status: 0, ended: 0, aborts: 0, runs: 0, endedAt: 0 })
  }

  #moved(id: string, status: GoalStatus): void {
    const history = this.#history(id)
    // Told again to a client that asked again.
    if (status === history.status) return
    assert(LEGAL[history.status]?.includes(status), `${id}: ${history.status} to ${status} is not legal`)
    history.status = status
  }

  #history(id: string): History {
    const history = this.histories.get(id)
    assert(history, `goal ${id} was accepted`)
    return history
  }

  #publish(event: TrackerEvent): void {
    for (const client of this.clients) if (client.connected) client.news.push(event)
  }

  #hear(client: Client, event: TrackerEvent | undefined): void {
    if (event === undefined) return
    const { tracker, effects } = track(client.tracker, event)
    client.tracker = tracker
    assert(tracker.early.length <= 256)
    for (const effect of effects) {
      assert.equal(client.ends, 0, 'nothing follows the end')
      if (effect.type === 'status') {
        assert(effect.status > client.status, 'a status never leads backwards')
        client.status = effect.status
      } else if (effect.type === 'feedback') {
        const feedback = effect.feedback as number
        assert(feedback > (client.feedback.at(-1) ?? 0), 'feedback keeps its order')
        client.feedback.push(feedback)
      } else if (effect.type === 'end') {
        client.ends += 1
        assert.equal(client.status, effect.end.status, 'the status is that of the end')
        this.#compare(client, effect.end.error?.code === 'GOAL_UNKNOWN', effect.end)
      }
    }
  }

  #compare(client: Client, unknown: boolean, end: { readonly status: number; readonly result?: unknown }): void {
    const history = this.#history(client.id)
    const { retainTime, retainCount } = this.board.options
    const ends = [...this.histories.values()].filter(other => other.ended > 0 && other.endedAt >= history.endedAt)
    if (!unknown) assert.equal(end.status, history.status, 'client and service agree about the end')
    if (unknown)
      assert(this.now - history.endedAt >= retainTime || ends.length > retainCount, 'only what expired is unknown')
    if (end.status === 4) assert.equal(end.result, `${client.id} done`)
  }

  #look(): void {
    const { goals, running, queued, options } = this.board
    const ended = Array.from(this.board.ended.all, ([id, { at }]) => ({ id, at }))
    const busy = [...goals.values()].filter(
      goal => goal.status === 2 || (goal.status === 3 && running.includes(goal.id)),
    )
    assert(running.length <= options.limit && busy.length <= options.limit, 'no more run than may')
    assert(running.length === options.limit || queued.length === 0, 'nobody waits beside a free place')
    assert(queued.length <= (options.policy === 'queue' ? options.maxQueued : 1), 'no more wait than may')
    if (options.policy !== 'queue' && options.policy !== 'preempt') assert.equal(queued.length, 0, 'nobody waits')
    for (const id of queued) assert.equal(goals.get(id)?.status, 1, 'who waits was accepted')
    for (const id of running) assert([1, 2, 3].includes(goals.get(id)?.status ?? 0), 'who has a place is not over')
    assert.equal(goals.size, running.length + queued.length, 'every goal is somewhere')
    assert(ended.length <= options.retainCount, 'no more is kept than may be')
    let before = -1
    for (const id of [...running, ...queued]) {
      const { order } = this.#history(id)
      assert(order > before, 'the order of the queue is kept')
      before = order
    }
    const rest = this.#endings.length - ended.length
    const lastForgotten = this.#endings[rest - 1]
    const expired = lastForgotten === undefined || this.now - lastForgotten.at >= options.retainTime
    assert(expired || ended.length === options.retainCount, 'nothing is forgotten too early')
    for (const [index, { id, at }] of ended.entries()) {
      assert.equal(id, this.#endings[rest + index]?.id, 'the newest results are kept')
      const kept = findGoal(this.board, id, this.now)
      const young = this.now - at < options.retainTime
      assert.equal(
        kept?.status,
        young ? this.#history(id).status : undefined,
        'a result is kept as long as it should be',
      )
    }
  }
}

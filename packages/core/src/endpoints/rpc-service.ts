import { parts } from '../contracts/contract.ts'
import type { RpcContract, RpcTypes } from '../contracts/rpc.ts'
import { CommlibError, type RemoteFailure, toError } from '../errors.ts'
import type { Frame, Subscription } from '../transport.ts'
import { Queue } from '../util/queue.ts'
import { renewed } from '../util/renewed.ts'
import { Running } from '../util/running.ts'
import { subscription } from '../util/subscription.ts'
import { later } from '../util/timer.ts'
import type { Request } from '../wire/wire.ts'
import { announce, assertOpen, contextOf, type Target } from './context.ts'
import { openIntake } from './intake.ts'
import { cancelTopic } from './rpc-client.ts'
import { withTopic } from './with-topic.ts'

/** What a handler is told beside the request. */
export interface RequestContext {
  /** Aborts when the caller aborts, its deadline passes, or the service closes. */
  readonly signal: AbortSignal

  /** Milliseconds the caller had left when the request arrived, if it said. */
  readonly timeout: number | undefined
}

/** Answers a request. What it throws reaches the caller as a `RemoteError` with name, message and code. */
export type RequestHandler<Request, Response> = (
  request: Request,
  context: RequestContext,
) => Response | Promise<Response>

/** Options of {@link createRpcService}. */
export interface RpcServiceOptions {
  /**
   * Requests handled at the same time; the others wait, as long as their callers do.
   *
   * @default 256
   */
  readonly concurrency?: number | undefined

  /**
   * Requests that wait, past which a request is answered with `BUFFER_FULL`.
   *
   * @default 10_000
   */
  readonly maxQueued?: number | undefined

  /** Closes the service when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/** How commlib's own services differ from an app's. */
export interface InternalServiceOptions extends RpcServiceOptions {
  /** Whether callers can cancel a request under way. @default true */
  readonly cancelable?: boolean | undefined

  /** Goes on while its node is stopped. @default false */
  readonly always?: boolean | undefined

  /** Shows no port of its own. @default false */
  readonly hidden?: boolean | undefined
}

/** The context that a handler of commlib's own protocol gets. */
export interface InternalRequestContext extends RequestContext {
  /** The request as it was read: how it was written, and the goal's id if the client brought its own. */
  readonly request: Request

  /** Runs after the reply has been handed to the transport. */
  afterReply(run: () => void): void
}

/**
 * Serves a call on a node or a connected transport. Resolves once the broker has confirmed.
 *
 * commlib-py: `create_rpc`, `@node.rpc`; `workers` is `concurrency`.
 */
export async function createRpcService<T extends RpcTypes>(
  target: Target,
  contract: RpcContract<T>,
  handler: RequestHandler<T['requestOut'], T['responseIn']>,
  options: InternalServiceOptions = {},
): Promise<Subscription> {
  const { request: requestShape, response: responseShape, check } = contract[parts]
  check?.('a service', { handler: handler ?? null })
  check?.('serve', options)
  const { concurrency = 256, maxQueued = 10_000, signal, cancelable = true, always, hidden = false } = options
  signal?.throwIfAborted()
  const context = contextOf(target)
  assertOpen(context)
  const { transport, wire, onError } = context
  const { name } = contract
  const description = { direction: 'in', kind: 'rpc-service', name, contract } as const
  const port = announce(context, description, ...(hidden ? [] : [requestShape, responseShape]))
  if (hidden) port.close()
  const running = new Running()
  /** By correlation id, as far as they have one. */
  let active = new Map<unknown, ActiveRequest>()
  const waiting = new Queue<WaitingRequest>()

  const send = (request: ActiveRequest, frame: Frame): Promise<void> =>
    request.replied(
      transport.push(request.request.replyTo as string, frame).catch(error => {
        // What a closing node no longer answers, its callers have been told by their deadlines.
        if (context.closed === undefined) onError(error)
      }),
    )

  /** Throws what cannot be sent. */
  function reply(request: ActiveRequest, response: unknown): Promise<void> {
    return send(request, wire.response(response, request.request))
  }

  /** Neither throws nor rejects, whatever was thrown: a request that did would keep its place for ever. */
  async function fail(request: ActiveRequest, error: unknown): Promise<void> {
    port.errors++
    onError(error)
    try {
      await send(request, wire.failure(failureOf(error), request.request))
    } catch (unsendable) {
      onError(withTopic(unsendable, name))
    }
  }

  /** Runs a handler to its reply; synchronous all the way if the handler is. */
  function run(request: ActiveRequest): void | Promise<void> {
    try {
      const data = requestShape.incoming(request.request.data)
      const response = data instanceof Promise ? data.then(ready => handler(ready, request)) : handler(data, request)
      if (response instanceof Promise) return runAsync(request, response)
      const checked = responseShape.outgoing(response)
      if (checked instanceof Promise) return runAsync(request, checked, true)
      return reply(request, checked)
    } catch (error) {
      return fail(request, error)
    }
  }

  async function runAsync(request: ActiveRequest, response: Promise<unknown>, checked = false): Promise<void> {
    try {
      const value = await response
      await reply(request, checked ? value : await responseShape.outgoing(value))
    } catch (error) {
      await fail(request, error)
    }
  }

  function start(request: ActiveRequest): Promise<void> | void {
    port.messages++
    running.start()
    const { correlationId: key = request } = request.request
    active = renewed(active).set(key, request)
    const end = () => {
      request.end()
      // Another one may have come under the same id.
      if (active.get(key) === request) active.delete(key)
      startNext()
      running.end()
    }
    const done = run(request)
    if (done === undefined) return end()
    return done.then(end)
  }

  /** One whose caller has given up while it waited is not run. */
  function startNext(): void {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { request, settle } = next
      if (!request.expired()) {
        settle(start(request))
        return
      }
      settle()
    }
  }

  const onFrame = (frame: Frame): void | Promise<void> => {
    // A consumer gets what it was given until the broker has let it go; a node that is closed cannot answer.
    if (context.closed !== undefined) return
    let request: ActiveRequest
    try {
      const read = wire.readRequest(frame)
      if (read.replyTo === undefined)
        throw new CommlibError('INVALID_MESSAGE', `a request of '${name}' names no reply_to`)
      request = new ActiveRequest(read)
    } catch (error) {
      port.errors++
      return onError(withTopic(error, name))
    }
    if (running.count < concurrency) return request.expired() ? undefined : start(request)
    if (waiting.size >= maxQueued) {
      return fail(request, new CommlibError('BUFFER_FULL', `'${name}' has ${waiting.size} requests waiting`))
    }
    return new Promise(settle => waiting.push({ request, settle }))
  }

  const onCancel = (_: string, frame: Frame) => {
    try {
      const message = wire.readMessage(frame) as { correlation_id?: unknown } | null
      const id = message?.correlation_id
      if (typeof id !== 'string') throw new CommlibError('INVALID_MESSAGE', 'names no correlation_id')
      active.get(id)?.abort(new CommlibError('CLOSED', 'the caller no longer waits'))
    } catch (error) {
      onError(withTopic(error, cancelTopic(name)))
    }
  }

  const establish = async (): Promise<Subscription> => {
    const pulling = await transport.pull(name, onFrame, { concurrency, signal })
    if (!cancelable) return pulling
    try {
      const listening = await transport.subscribe(cancelTopic(name), onCancel, { signal })
      return subscription(async () => {
        await pulling.close()
        await listening.close()
      })
    } catch (error) {
      await pulling.close()
      throw error
    }
  }

  return openIntake(context, {
    establish,
    idle: () => running.idle(),
    abort: reason => {
      for (const request of active.values()) request.abort(reason)
    },
    signal,
    onClose: () => port.close(),
    always,
  })
}

interface WaitingRequest {
  readonly request: ActiveRequest
  readonly settle: (started?: void | Promise<void>) => void
}

/** A request and its handler's context. Its signal and its timer exist only if the handler asks for the signal. */
class ActiveRequest implements InternalRequestContext {
  readonly request: Request

  /** Counted from receipt: clocks of different machines are never compared. */
  readonly #deadline: number
  #controller: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #aborted: { readonly reason: unknown } | undefined
  #afterReply: (() => void) | undefined

  constructor(request: Request) {
    this.request = request
    this.#deadline = performance.now() + (request.timeout ?? Infinity)
  }

  get timeout(): number | undefined {
    return this.request.timeout
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      const left = this.#deadline - performance.now()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
      else this.#timer = later(() => this.abort(new CommlibError('TIMEOUT', "the caller's deadline has passed")), left)
    }
    return this.#controller.signal
  }

  expired(): boolean {
    return performance.now() >= this.#deadline
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }

  afterReply(run: () => void): void {
    this.#afterReply = run
  }

  replied(sending: Promise<void>): Promise<void> {
    const run = this.#afterReply
    return run === undefined ? sending : sending.then(run)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/** What of a thrown error travels. */
export function failureOf(thrown: unknown): RemoteFailure {
  const error = toError(thrown)
  const failure = { name: error.name, message: String(error.message).slice(0, MAX_MESSAGE) }
  return 'code' in error && typeof error.code === 'string' ? { ...failure, code: error.code } : failure
}

/** A failure must fit into a message, whatever an app writes into its errors. */
const MAX_MESSAGE = 8192

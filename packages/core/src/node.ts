import type { ActionClient, ActionClientOptions } from './actions/client.ts'
import type { GoalHandler } from './actions/goal-runner.ts'
import type { ActionServiceOptions } from './actions/service-options.ts'
import type { ActionContract, ActionTypes } from './contracts/action.ts'
import { parts } from './contracts/contract.ts'
import type { EventContract } from './contracts/event.ts'
import type { RpcContract, RpcTypes } from './contracts/rpc.ts'
import { anyShape } from './contracts/shape.ts'
import type { TopicContract } from './contracts/topic.ts'
import { type Context, contextKey, createContext, type Logger } from './endpoints/context.ts'
import { startHeartbeat } from './endpoints/heartbeat.ts'
import type { Intake } from './endpoints/intake.ts'
import type { EventContext, MessageContext } from './endpoints/message-context.ts'
import type { MessageHandler } from './endpoints/message-handler.ts'
import type { Port } from './endpoints/port.ts'
import type { Publisher } from './endpoints/publisher.ts'
import { rpcOf } from './endpoints/rpc.ts'
import type { RpcClient, RpcClientOptions } from './endpoints/rpc-client.ts'
import { createRpcService, type RequestHandler, type RpcServiceOptions } from './endpoints/rpc-service.ts'
import type { Subscriber } from './endpoints/subscriber-iterator.ts'
import type { SubscriberOptions } from './endpoints/subscriber-options.ts'
import { CommlibError, readable } from './errors.ts'
import type { NodeOptions } from './node-options.ts'
import type { PublishOptions, Subscription, Transport, TransportStatus } from './transport.ts'
import { withDeadline } from './util/deadline.ts'
import type { OptionCheck } from './util/options.ts'
import { onSignals } from './util/process-signal.ts'
import { randomId } from './util/token.ts'

/** `stopped` is what {@link Node.stop} makes of it; `connecting` only ends by itself with `waitForBroker`. */
export type NodeState = 'connecting' | 'running' | 'stopped' | 'closing' | 'closed'

/** Options of {@link Node.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that running handlers and goals are given to finish, while no new work is taken.
   *
   * @default 0
   */
  readonly grace?: number | undefined
}

/** Options of {@link Node.runForever}. */
export interface RunOptions extends CloseOptions {
  /** @default ['SIGINT', 'SIGTERM'] */
  readonly signals?: readonly string[] | undefined
}

/** A participant: one connection, and the endpoints that share it. Closing it closes them all. */
export interface Node extends AsyncDisposable {
  readonly name: string

  /** Prefixes the names of heartbeat and control, and nothing else. */
  readonly namespace: string
  readonly state: NodeState

  /** What happened last to the connection. */
  readonly status: TransportStatus | undefined

  /** Its endpoints, in the order they were made. */
  readonly ports: readonly Port[]

  /** @internal */
  readonly [contextKey]: Context

  /** Makes what sends messages. commlib-py: `create_publisher`, `create_mpublisher`. */
  publisher<In, Name extends string>(contract: TopicContract<In, unknown, Name>): Publisher<In, Name>

  /**
   * Hands each message to a handler. Resolves once the broker has confirmed.
   *
   * commlib-py: `create_subscriber`, `create_psubscriber`.
   */
  subscribe<Out, Name extends string>(
    contract: TopicContract<unknown, Out, Name>,
    handler: MessageHandler<Out, MessageContext<Name>>,
    options?: SubscriberOptions,
  ): Promise<Subscription>
  /** Hands each event's payload to a handler. */
  subscribe<Out>(
    contract: EventContract<unknown, Out>,
    handler: MessageHandler<Out, EventContext>,
    options?: SubscriberOptions,
  ): Promise<Subscription>
  /** Iterates: leaving the loop unsubscribes. */
  subscribe<Out>(
    contract: TopicContract<unknown, Out> | EventContract<unknown, Out>,
    options?: SubscriberOptions,
  ): Promise<Subscriber<Out>>

  /** Answers calls. Resolves once the broker has confirmed. commlib-py: `create_rpc`. */
  serve<T extends RpcTypes>(
    contract: RpcContract<T>,
    handler: RequestHandler<T['requestOut'], T['responseIn']>,
    options?: RpcServiceOptions,
  ): Promise<Subscription>
  /** Works towards goals. Resolves once the broker has confirmed. commlib-py: `create_action`. */
  serve<T extends ActionTypes>(
    contract: ActionContract<T>,
    handler: GoalHandler<T['goalOut'], T['feedbackIn'], T['resultIn']>,
    options?: ActionServiceOptions,
  ): Promise<Subscription>

  /** Makes the function that calls a service. commlib-py: `create_rpc_client`. */
  client<T extends RpcTypes>(
    contract: RpcContract<T>,
    options?: RpcClientOptions,
  ): RpcClient<T['requestIn'], T['responseOut']>
  /** Makes the function that sends goals. commlib-py: `create_action_client`. */
  client<T extends ActionTypes>(
    contract: ActionContract<T>,
    options?: ActionClientOptions,
  ): ActionClient<T['goalIn'], T['feedbackOut'], T['resultOut']>

  /** Sends an event. commlib-py: `create_event_emitter`, `send_event`. */
  emit<In>(contract: EventContract<In, unknown>, payload: In, options?: PublishOptions): Promise<void>

  /**
   * Pauses what receives: subscriptions, services, action services. What runs finishes; heartbeat and control go on, and
   * so does what the program itself sends.
   *
   * commlib-py: the control service `<namespace>.stop`. Its `Node.stop()` is {@link Node.close}.
   */
  stop(): Promise<void>

  /** Resumes what {@link Node.stop} paused. commlib-py: `<namespace>.start`. */
  start(): Promise<void>

  /** Takes no new work, gives running work its grace, closes every endpoint and the connection. May be called twice. */
  close(options?: CloseOptions): Promise<void>

  /**
   * Resolves when SIGINT or SIGTERM has come and the node has drained and closed. A second signal ends the grace.
   *
   * @param options the grace is 10 seconds by default
   */
  runForever(options?: RunOptions): Promise<void>
}

/** Makes a node, and connects it to the broker. */
export type CreateNode = (options?: NodeOptions) => Promise<Node>

/** What the `createNode` of an entry does beside making nodes. */
export interface NodeDefaults {
  readonly check?: OptionCheck | undefined

  /** Makes the transport of a node that was given none. */
  readonly transport?: ((log: Logger) => Promise<Transport>) | undefined
}

/** The `createNode` function, with or without a check of options and a transport by default. */
export function nodesBy(defaults: NodeDefaults = {}): CreateNode {
  return (options = {}) => openNode(options, defaults)
}

async function openNode(options: NodeOptions, { check, transport: otherwise }: NodeDefaults): Promise<Node> {
  check?.('createNode', options)
  const {
    name = randomId(),
    deviceId,
    heartbeat = {},
    log = console,
    onStatus,
    signal,
    waitForBroker,
    connectTimeout,
  } = options
  const namespace = `${deviceId === undefined ? '' : `thing.${deviceId}.`}${name.replaceAll('-', '_')}`
  const context = createContext(await openTransport(options, otherwise), options)
  const { transport } = context
  let state: NodeState = 'connecting'
  let status: TransportStatus | undefined
  let closing: Promise<void> | undefined
  let force = () => {}
  const forced = new Promise<void>(resolve => {
    force = resolve
  })

  context.onStatus.add(next => {
    status = next
    if (next.type === 'connected' && state === 'connecting') state = 'running'
    if (onStatus !== undefined) onStatus(next)
    else logStatus(next)
  })

  function logStatus(next: TransportStatus): void {
    const { type } = next
    if (type === 'error') log.error(`commlib: ${readable(next.error.message)}`)
    if (type === 'messages-lost') log.warn(`commlib: ${next.count ?? 'some'} messages lost: ${readable(next.reason)}`)
    if (type === 'session-lost') log.warn('commlib: session lost')
  }

  const intakes = (each: (intake: Intake) => Promise<void>) => Promise.all(Array.from(context.intakes, each))

  async function stop(): Promise<void> {
    if (state !== 'running' && state !== 'connecting') throw notFrom('stop')
    state = 'stopped'
    context.paused = true
    await intakes(intake => intake.pause())
  }

  async function start(): Promise<void> {
    if (state !== 'stopped') throw notFrom('start')
    state = 'running'
    context.paused = false
    await intakes(intake => intake.resume())
  }

  function notFrom(verb: string): CommlibError {
    return new CommlibError('CLOSED', `cannot ${verb} a node that is ${state}`)
  }

  async function shut(grace: number): Promise<void> {
    state = 'closing'
    const attempt = async (work: () => Promise<unknown> | unknown) => {
      try {
        await work()
      } catch (error) {
        context.onError(error)
      }
    }
    if (grace > 0) {
      await attempt(() => intakes(intake => intake.pause()))
      const idle = Promise.race([intakes(intake => intake.idle()), forced])
      await withDeadline(idle, { timeout: grace }).catch(() => {}) // what is under way then is aborted
    }
    const reason = new CommlibError('CLOSED', `node '${name}' is closed`)
    context.closed = reason
    for (const intake of context.intakes) intake.abort(reason)
    await attempt(() => intakes(intake => intake.close()))
    for (const close of context.closing) await attempt(close)
    await attempt(() => transport.close())
    context.ports.clear()
    state = 'closed'
  }

  const close = async (closeOptions: CloseOptions = {}): Promise<void> => {
    check?.('close', closeOptions)
    await (closing ??= shut(closeOptions.grace ?? 0))
  }

  const node: Node = {
    name,
    namespace,
    get state() {
      return state
    },
    get status() {
      return status
    },
    get ports() {
      return [...context.ports]
    },
    [contextKey]: context,
    publisher: contract => contract[parts].publisher(node, contract),
    // The overloads of the verbs are those of what they call.
    subscribe: ((contract: TopicContract, ...rest: []) =>
      contract[parts].subscribe(node, contract, ...rest)) as unknown as Node['subscribe'],
    serve: ((contract: RpcContract, handler: never, ...rest: []) =>
      contract[parts].serve(node, contract, handler, ...rest)) as Node['serve'],
    client: ((contract: RpcContract, ...rest: []) => contract[parts].client(node, contract, ...rest)) as Node['client'],
    emit: (contract, ...rest) => contract[parts].emit(node, contract, ...rest),
    stop,
    start,
    close,
    runForever: async ({ grace = 10_000, signals = ['SIGINT', 'SIGTERM'] } = {}) => {
      let stopListening = () => {}
      await new Promise<void>(resolve => {
        stopListening = onSignals(signals, () => (closing === undefined ? resolve() : force()))
      })
      await close({ grace })
      stopListening()
    },
    [Symbol.asyncDispose]: () => close(),
  }

  try {
    await transport.connect({
      signal,
      waitForBroker,
      timeout: connectTimeout,
      onStatus: context.tellStatus,
      onError: context.onError,
    })
    if (!waitForBroker) state = 'running'
    if (heartbeat !== false) {
      const { topic = `${namespace}.heartbeat`, interval = 10_000 } = heartbeat
      context.closing.add(startHeartbeat(node, topic, interval))
    }
    if (options.control) {
      // Few nodes have it, and small devices are spared the code.
      const { serveControl } = await import('./endpoints/control-service.ts')
      const shapes = { request: anyShape, response: anyShape }
      const serving = serveControl(namespace, { start, stop }, (rpcName, handler) =>
        createRpcService(node, rpcOf(rpcName, shapes), handler, { always: true }),
      )
      // It may take as long as the broker does.
      if (waitForBroker) serving.catch(context.onError)
      else await serving
    }
  } catch (error) {
    await close()
    throw error
  }
  return node
}

async function openTransport(
  { transport, log = console, debug = globalThis.process?.env?.['COMMLIB_LOG'] === 'debug' }: NodeOptions,
  otherwise: NodeDefaults['transport'],
): Promise<Transport> {
  const chosen = transport ?? (await otherwise?.(log))
  if (chosen === undefined) throw new CommlibError('INVALID_OPTION', 'it needs a transport, such as memory()')
  if (!debug) return chosen
  const { debugTransport } = await import('./debug.ts')
  return debugTransport(chosen, line => log.debug(readable(line)))
}

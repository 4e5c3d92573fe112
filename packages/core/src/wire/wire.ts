import { CommlibError, RemoteError, type RemoteFailure } from '../errors.ts'
import type { Frame } from '../transport.ts'
import { show } from '../util/options.ts'
import type { Codec } from './codec.ts'
import {
  type Envelope,
  type Header,
  type HeaderExtras,
  isMessageEnvelope,
  isRpcEnvelope,
  messageEnvelope,
  openEnvelope,
  rpcEnvelope,
  type WireProfile,
} from './profile.ts'

export interface WireOptions {
  readonly codec: Codec
  readonly profile: WireProfile

  /** Bytes; larger bodies are refused in both directions. */
  readonly maxMessageBytes: number

  /** The transport carries properties beside the body, so RPC needs no envelope. */
  readonly properties: boolean
}

/** What a request carries beside its data. */
export interface RequestMeta {
  readonly replyTo: string
  readonly correlationId: string

  /** Milliseconds until the caller gives up. */
  readonly timeout?: number | undefined

  /** The goal that a client asks for under an id of its own. */
  readonly goalId?: string | undefined

  /** The brokers that bridges have carried it over. */
  readonly hops?: string | undefined
}

/** How a request was written, so that it is answered alike. */
type Flavour = 'bare' | 'bare 0.6' | WireProfile

/** A request, as a service reads it. */
export interface Request {
  readonly data: unknown
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  readonly timeout: number | undefined
  readonly goalId: string | undefined
  readonly hops: string | undefined
  readonly flavour: Flavour

  /** Whether the answer may come without an envelope. */
  readonly bare?: boolean | undefined
}

type FrameProperties = Pick<Frame, 'replyTo' | 'correlationId' | 'expiry' | 'headers'>

/** Names of letters, digits, `_` and `-`, and `/` as well as `.` between them: commlib-py takes either. */
const ADDRESS = /^[\w-]+(?:[./][\w-]+)*$/

/** Characters of a return address and of a correlation id. */
const MAX_ADDRESS = 256

const NO_HEADERS: Readonly<Partial<Record<'goalId' | 'hops', string>>> = {}

/** A {@link Wire}, or one that writes frames in its own way. */
export type WireClass = new (options: WireOptions) => Wire

/** Marks what {@link Wire.readMessage} found to be a call, not a message. */
export const notAMessage: unique symbol = Symbol('not a message')

/** Message values in and out of frames: bare or enveloped on topics, enveloped or beside properties in RPC. */
export class Wire {
  readonly options: WireOptions

  constructor(options: WireOptions) {
    this.options = options
  }

  /** Writes a message on a topic. */
  message(data: unknown, headers?: Frame['headers']): Frame {
    const { profile, properties } = this.options
    return this.#frame(profile === '0.6' && !properties ? messageEnvelope(data) : data, { headers })
  }

  /** Reads a message, or {@link notAMessage} where it is a call. */
  readMessage(frame: Frame): unknown {
    const value = this.#decode(frame)
    // Where RPC has its own addresses and properties, every body is a message as it stands.
    const envelope = openEnvelope(value)
    if (envelope === undefined || this.options.properties) return value
    if (isRpcEnvelope(envelope)) return notAMessage
    return isMessageEnvelope(envelope) ? envelope.data : value
  }

  /** Writes a request. */
  request(data: unknown, { replyTo, correlationId, timeout, goalId, hops }: RequestMeta): Frame {
    const { profile, properties } = this.options
    const bare = properties && profile !== '0.13.2'
    const headers = bare && (goalId || hops) ? { ...(goalId && { goalId }), ...(hops && { hops }) } : undefined
    const extras: HeaderExtras = {
      correlation_id: correlationId,
      timeout,
      goal_id: goalId,
      hops,
      bare: properties ? undefined : true,
    }
    const body = bare ? data : rpcEnvelope(profile, replyTo, data, extras)
    return this.#frame(body, { replyTo, correlationId, expiry: timeout, headers })
  }

  /** Reads a request, however it was written. */
  readRequest(frame: Frame): Request {
    const value = this.#decode(frame)
    const envelope = openEnvelope(value)
    if (envelope === undefined || !isRpcEnvelope(envelope)) {
      const { profile, properties } = this.options
      if (!properties) throw new CommlibError('DECODE_FAILED', 'a request needs { header: { reply_to }, data }')
      const { replyTo, correlationId, expiry: timeout, headers: { goalId, hops } = NO_HEADERS } = frame
      // Nothing in it tells.
      const flavour = profile === '0.6' ? 'bare 0.6' : 'bare'
      return { data: value, replyTo, correlationId, timeout, goalId, hops, flavour }
    }
    const { header, data } = envelope
    return {
      data,
      replyTo: this.#address(frame.replyTo, header.reply_to || undefined),
      correlationId: text(frame.correlationId ?? header.correlation_id),
      timeout: least(frame.expiry, header.timeout),
      goalId: text(header.goal_id),
      hops: text(header.hops),
      flavour: header.properties === undefined ? '0.13' : '0.6',
      bare: header.bare,
    }
  }

  /** Writes the answer to a request, as that was written. */
  response(data: unknown, request: Request): Frame {
    return this.#answer(data, request)
  }

  /** commlib-py has no errors: its clients find an empty object, ours find the failure. */
  failure(error: RemoteFailure, request: Request): Frame {
    return this.#answer({}, request, error)
  }

  /** The response's data; throws {@link RemoteError} if the handler failed. */
  readResponse(frame: Frame): unknown {
    const value = this.#decode(frame)
    const envelope = this.#openAnswer(value)
    if (envelope !== undefined) {
      const error = readFailure(envelope.header.error)
      if (error !== undefined) throw new RemoteError(error)
      return envelope.data
    }
    const error = frame.headers?.['error']
    if (error !== undefined) throw new RemoteError(failureIn(error))
    return value
  }

  #openAnswer(value: unknown): Envelope | undefined {
    const envelope = openEnvelope(value)
    if (envelope === undefined || isRpcEnvelope(envelope)) return envelope // commlib-py after 0.13.1 has them on AMQP too
    // A 0.6 service on Redis names no reply_to.
    return !this.options.properties && isMessageEnvelope(envelope) ? envelope : undefined
  }

  /** Where nothing but the message says where to answer, it could make a service publish anywhere, or what no broker takes. */
  #address(property: string | undefined, field: string | undefined): string | undefined {
    // A property is the transport's to judge, where it means one thing only.
    if (this.options.properties && property !== undefined) return property
    const replyTo = property ?? field
    if (replyTo === undefined) return undefined
    if (replyTo.length <= MAX_ADDRESS && ADDRESS.test(replyTo)) return replyTo
    throw new CommlibError('INVALID_MESSAGE', `reply_to is no return address: ${show(replyTo)}`)
  }

  #answer(data: unknown, { flavour, correlationId, bare }: Request, error?: RemoteFailure): Frame {
    // What would be taken for an envelope needs one.
    if (bare && error === undefined && this.#openAnswer(data) === undefined) return this.#frame(data, { correlationId })
    if (flavour === 'bare' || flavour === 'bare 0.6') {
      const headers = error === undefined ? undefined : { error: JSON.stringify(error) }
      return this.#frame(data, { correlationId, headers })
    }
    const extras: HeaderExtras = { correlation_id: correlationId, error }
    return this.#frame(rpcEnvelope(flavour, '', data, extras), { correlationId })
  }

  #frame(value: unknown, { replyTo, correlationId, expiry, headers }: FrameProperties): Frame {
    const { codec, maxMessageBytes } = this.options
    let body: Uint8Array
    try {
      body = codec.encode(value)
    } catch (cause) {
      throw new CommlibError('INVALID_MESSAGE', `cannot be encoded: ${String(cause)}`, { cause })
    }
    if (body.length > maxMessageBytes) throw tooLarge(body.length, maxMessageBytes)
    const { contentType, contentEncoding } = codec
    return { body, contentType, contentEncoding, replyTo, correlationId, expiry, headers }
  }

  #decode({ body }: Frame): unknown {
    const { codec, maxMessageBytes } = this.options
    if (body.length > maxMessageBytes) throw tooLarge(body.length, maxMessageBytes)
    try {
      return codec.decode(body)
    } catch (cause) {
      // Without its cause, whose text may quote the body as it came.
      throw new CommlibError('DECODE_FAILED', `body of ${body.length} bytes cannot be decoded: ${String(cause)}`)
    }
  }
}

function tooLarge(size: number, limit: number): CommlibError {
  return new CommlibError('MESSAGE_TOO_LARGE', `body of ${size} bytes is over maxMessageBytes (${limit})`)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ADDRESS ? value : undefined
}

function least(a: number | undefined, b: Header['timeout']): number | undefined {
  if (typeof b !== 'number' || !(b >= 0)) return a
  return a === undefined ? b : Math.min(a, b)
}

/** A header that is no failure of ours is its message. */
function failureIn(header: string): RemoteFailure {
  try {
    const failure = readFailure(JSON.parse(header))
    if (failure !== undefined) return failure
  } catch {}
  return { name: 'Error', message: header }
}

/** Reads a failure, or the text of one. */
export function readFailure(value: unknown): RemoteFailure | undefined {
  if (typeof value === 'string') return { name: 'Error', message: value }
  if (typeof value !== 'object' || value === null) return undefined
  const { name, message, code } = value as Record<string, unknown>
  return {
    name: text(name) ?? 'Error',
    message: typeof message === 'string' ? message : '',
    ...(typeof code === 'string' ? { code } : {}),
  }
}

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import type { Broker, BrokerPlace, BrokerRecipe, BrokerTls, LaunchOptions } from './broker.ts'
import { launch } from './launch.ts'

/** What a mosquitto is configured with. Without any of it, it is untouched: anonymous, one listener, all defaults. */
export interface MosquittoConfiguration {
  /** Lines of mosquitto.conf, such as `max_queued_messages 10`. */
  readonly config?: readonly string[] | undefined

  /** Lines of the ACL file, such as `user anna` and `topic read sensors/#`. */
  readonly acl?: readonly string[] | undefined

  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>> | undefined

  /** Lets clients in that give no name. @default true, unless there are users */
  readonly anonymous?: boolean | undefined

  /** Keeps sessions and messages through a restart. @default false */
  readonly persistence?: boolean | undefined
}

/** Options of {@link startMosquitto}. */
export interface MosquittoOptions extends MosquittoConfiguration, LaunchOptions {
  /** Opens a WebSocket listener too. @default false */
  readonly websockets?: boolean | undefined

  /** Opens a TLS listener too, with these PEM texts, and with `websockets` also one for WebSockets over TLS. */
  readonly tls?: BrokerTls | undefined
}

/** A mosquitto that a test may disturb and configure. */
export interface Mosquitto extends Broker {
  readonly kind: 'mosquitto'

  /** `ws://…` of the WebSocket listener, if there is one. */
  readonly wsUrl: string | undefined

  /** `wss://…` of the listener for WebSockets over TLS, if there is one. */
  readonly wssUrl: string | undefined

  /** `mqtts://…` of the TLS listener, if there is one. */
  readonly tlsUrl: string | undefined

  /** Writes other files; they hold from the next `reload()` (ACL, users) or `start()` (all). */
  configure(configuration: MosquittoConfiguration): Promise<void>
}

// CONNECT of MQTT 3.1.1 with a clean session and no client id.
const CONNECT = Uint8Array.of(0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 5, 0, 0)

/** Finds or starts a mosquitto. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const { config, acl, users, anonymous, persistence, websockets, tls } = options
  const own = options.own || !!(config || acl || users || persistence || websockets || tls) || anonymous === false
  const ports = [
    'mqtt',
    ...(websockets ? ['ws'] : []),
    ...(tls ? ['mqtts'] : []),
    ...(websockets && tls ? ['wss'] : []),
  ]
  let place: BrokerPlace | undefined
  const recipe: BrokerRecipe = {
    kind: 'mosquitto',
    scheme: 'mqtt',
    urlVariable: 'COMMLIB_MQTT_URL',
    imageVariable: 'COMMLIB_MQTT_IMAGE',
    image: 'eclipse-mosquitto:2',
    binaries: ['mosquitto'],
    install: 'apt install mosquitto, brew install mosquitto, or https://mosquitto.org/download',
    ports,
    startTimeout: 20_000,
    greeting: CONNECT,
    files: where => {
      place = where
      return filesOf(where, options, tls)
    },
    command: (binary, { folder }) => [binary, '-c', `${folder}/mosquitto.conf`],
  }
  const launched = await launch(recipe, { ...options, own })
  const { broker } = launched
  const urlOf = (scheme: string, name: string) =>
    launched.ports[name] === undefined ? undefined : `${scheme}://${broker.host}:${launched.ports[name]}`
  return {
    ...broker,
    kind: 'mosquitto',
    wsUrl: urlOf('ws', 'ws'),
    wssUrl: urlOf('wss', 'wss'),
    tlsUrl: urlOf('mqtts', 'mqtts'),
    configure: changed => launched.write(place === undefined ? {} : filesOf(place, changed, tls)),
  }
}

function filesOf(
  place: BrokerPlace,
  { config = [], acl, users, anonymous = users === undefined, persistence = false }: MosquittoConfiguration,
  tls: BrokerTls | undefined,
): Record<string, string> {
  const { address, folder, ports } = place
  const identity = [`certfile ${folder}/cert.pem`, `keyfile ${folder}/key.pem`]
  const lines = [
    `listener ${ports['mqtt']} ${address}`,
    ...(ports['ws'] === undefined ? [] : [`listener ${ports['ws']} ${address}`, 'protocol websockets']),
    ...(ports['mqtts'] === undefined
      ? []
      : [
          `listener ${ports['mqtts']} ${address}`,
          ...identity,
          ...(tls?.ca === undefined ? [] : [`cafile ${folder}/ca.pem`, 'require_certificate true']),
        ]),
    ...(ports['wss'] === undefined ? [] : [`listener ${ports['wss']} ${address}`, 'protocol websockets', ...identity]),
    `allow_anonymous ${anonymous}`,
  ]
  // Started by root, it would become another user, who may not read its folder.
  if (place.in === 'container' || process.getuid?.() === 0) lines.push('user root')
  if (persistence) lines.push('persistence true', `persistence_location ${folder}/`)
  if (acl !== undefined) lines.push(`acl_file ${folder}/acl`)
  if (users !== undefined) lines.push(`password_file ${folder}/passwords`)
  const files: Record<string, string> = { 'mosquitto.conf': [...lines, ...config, ''].join('\n') }
  if (acl !== undefined) files['acl'] = [...acl, ''].join('\n')
  if (users !== undefined) {
    files['passwords'] = Object.entries(users)
      .map(([name, password]) => `${name}:${hashed(password)}\n`)
      .join('')
  }
  if (tls !== undefined) {
    files['cert.pem'] = tls.cert
    files['key.pem'] = tls.key
    if (tls.ca !== undefined) files['ca.pem'] = tls.ca
  }
  return files
}

/** As `mosquitto_passwd` writes it. */
function hashed(password: string): string {
  const salt = randomBytes(12)
  const iterations = 101
  const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512')
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`
}

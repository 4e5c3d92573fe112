/** A message broker that a test may disturb. */
export interface Broker extends AsyncDisposable {
  readonly kind: 'mosquitto' | 'redis' | 'rabbitmq'

  /** Where it came from: an environment variable, a Docker engine, or a binary on the PATH. */
  readonly from: BrokerSource
  readonly url: string
  readonly host: string
  readonly port: number
  readonly can: BrokerAbilities

  /** Ends it in order (SIGTERM) and resolves when it is gone. Its data stay. */
  stop(): Promise<void>

  /** Ends it on the spot (SIGKILL) and resolves when it is gone. */
  kill(): Promise<void>

  /** Starts it again on the same port with the same data. Resolves when it answers. */
  start(): Promise<void>

  /** Freezes it (SIGSTOP): its connections stay open, and nothing answers. */
  pause(): Promise<void>

  /** Ends what {@link Broker.pause} began (SIGCONT). */
  resume(): Promise<void>

  /** Makes it read its files again (SIGHUP), where it can. */
  reload(): Promise<void>

  /** What it has printed since the first start. */
  log(): string

  /** The group of its processes, where they run on this machine outside a container. */
  processGroup(): number | undefined

  /** Ends it and removes its data. May be called twice. A broker given by URL is left alone. */
  close(): Promise<void>
}

/** Where a broker can come from. */
export type BrokerSource = 'url' | 'docker' | 'binary'

/** What may be done to a broker: nothing of this if it was given by URL. */
export interface BrokerAbilities {
  /** `stop`, `kill`, `start`, `pause`, `resume` and `reload` work. */
  readonly restart: boolean
}

/** Options of every broker launcher. */
export interface LaunchOptions {
  /**
   * Takes the broker from there and nowhere else.
   *
   * @default process.env.COMMLIB_BROKER, else the first that works
   */
  readonly from?: BrokerSource | undefined

  /** Passes over a broker given by URL, since the test will restart or configure it. @default false */
  readonly own?: boolean | undefined
}

/** What a TLS listener shows and asks for, as PEM texts. */
export interface BrokerTls {
  readonly cert: string
  readonly key: string

  /** The authority of clients' certificates, which are then demanded; mosquitto demands none over WebSocket. */
  readonly ca?: string | undefined
}

/** What the launchers need to know of a kind of broker. */
export interface BrokerRecipe {
  readonly kind: Broker['kind']
  readonly scheme: string

  /** The environment variable that may name a running one. */
  readonly urlVariable: string

  /** The environment variable that may name another Docker image than {@link BrokerRecipe.image}. */
  readonly imageVariable: string
  readonly image: string

  /** Names or full paths to look for; the first that is found is run. */
  readonly binaries: readonly string[]

  /** How to get the binary, for the error when there is none. */
  readonly install: string

  /** Names of the ports to open; the first is the broker's main one. */
  readonly ports: readonly string[]

  /** Milliseconds it may take until it answers. */
  readonly startTimeout: number

  /** What is sent to see whether it answers. */
  readonly greeting: Uint8Array

  /** The files to put into its folder, by name. */
  files(place: BrokerPlace): Readonly<Record<string, string>>

  /** @param binary the program: a path, or its name in a container */
  command(binary: string, place: BrokerPlace): readonly string[]
  environment?(place: BrokerPlace): Readonly<Record<string, string>>
}

/** Where a broker runs. */
export interface BrokerPlace {
  readonly in: 'container' | 'process'

  /** The address to listen on. */
  readonly address: string

  /** The folder of its files and data, as it sees it. */
  readonly folder: string
  readonly ports: Readonly<Record<string, number>>
}

/** Something that runs a broker. */
export interface Engine {
  readonly from: 'docker' | 'binary'
  readonly host: string

  /** Resolves when the process runs; it need not answer yet. */
  start(): Promise<void>
  running(): boolean
  signal(name: BrokerSignal): Promise<void>
  write(files: Readonly<Record<string, string>>): Promise<void>
  log(): string
  processGroup(): number | undefined

  /** Runs a program beside the broker, with its environment; resolves with what it has printed. */
  run(command: readonly string[]): Promise<string>
  remove(): Promise<void>
}

export type BrokerSignal = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGHUP'

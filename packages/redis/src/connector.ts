import { createConnection, type NetConnectOpts } from 'node:net'
import { lentReads } from '@commlib/core/internal'
import { AbstractConnector, type RedisOptions } from 'ioredis'

/** Opens sockets for ioredis as it does itself without TLS, but for how they are read. */
export class Connector extends AbstractConnector {
  readonly #options: RedisOptions

  /** @param options those of ioredis, which types them so */
  constructor(options: unknown) {
    const given = options as RedisOptions & { readonly disconnectTimeout: number }
    super(given.disconnectTimeout)
    this.#options = given
  }

  async connect() {
    const { path, host, port, family } = this.#options
    const to = path === undefined ? { host, port, family } : { path }
    const stream = createConnection({ ...to, onread: lentReads } as NetConnectOpts)
    stream.once('error', error => {
      this.firstError = error
    })
    this.stream = stream
    return stream
  }
}

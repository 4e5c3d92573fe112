import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** PEM texts. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

/** An authority, and what it has signed. */
export interface Authority {
  readonly ca: string

  /** @param days how long it is valid; one of 0 days has expired a second later */
  sign(subject: string, host: string, days?: number): Identity
}

/** A certificate that nobody has signed but itself. */
export function selfSigned(host: string): Identity {
  return inFolder((run, read) => {
    const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      ...names,
      '-keyout',
      'own.key',
      '-out',
      'own.pem',
    )
    return { cert: read('own.pem'), key: read('own.key') }
  })
}

export function createAuthority(): Authority {
  const [ca, caKey] = inFolder((run, read) => {
    const files = ['-keyout', 'ca.key', '-out', 'ca.pem']
    run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test authority', ...files)
    return [read('ca.pem'), read('ca.key')]
  })
  const sign: Authority['sign'] = (subject, host, days = 2) =>
    inFolder((run, read, write) => {
      write('ca.pem', ca)
      write('ca.key', caKey)
      const names = ['-subj', `/CN=${subject}`, '-addext', `subjectAltName=DNS:${host}`]
      run('req', '-newkey', 'rsa:2048', '-nodes', ...names, '-keyout', 'own.key', '-out', 'own.csr')
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy']
      run('x509', '-req', '-in', 'own.csr', ...by, '-days', String(days), '-out', 'own.pem')
      return { cert: read('own.pem'), key: read('own.key') }
    })
  return { ca, sign }
}

export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly clientCert: string
  readonly clientKey: string
}

/** An authority, and certificates of it for `localhost` and for a client. */
export function makeCertificates(): Certificates {
  const { ca, sign } = createAuthority()
  const client = sign('anna', 'localhost')
  return { ca, ...sign('localhost', 'localhost'), clientCert: client.cert, clientKey: client.key }
}

type Work<T> = (
  run: (...args: string[]) => void,
  read: (name: string) => string,
  write: (name: string, text: string) => void,
) => T

function inFolder<T>(work: Work<T>): T {
  const folder = mkdtempSync(join(tmpdir(), 'commlib-tls-'))
  try {
    return work(
      (...args) => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }),
      name => readFileSync(join(folder, name), 'utf8'),
      (name, text) => writeFileSync(join(folder, name), text),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate and its private key, as PEM texts. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

/** An authority for certificates that only a test trusts. */
export interface Authority {
  /** Its own certificate, as PEM text. */
  readonly ca: string

  /**
   * Makes a certificate for a subject's common name, of a host.
   *
   * @param days how long it is valid; one of 0 days has expired a second later
   */
  sign(subject: string, host: string, days?: number): Identity
}

/** Makes a certificate that nobody has signed but itself, with `openssl`. */
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

/** Makes an authority, with `openssl`. */
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

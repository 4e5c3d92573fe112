const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (is the broker running there?)',
  ENOENT: 'there is no such socket (is the broker running there?)',
  EACCES: 'this user may not open the socket',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name could not be resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'no answer',
}

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet (is the clock right?)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed: give it as tls.ca to trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is unknown: give that as tls.ca to trust it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is unknown: give that as tls.ca to trust it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is unknown: give that as tls.ca to trust it',
  CERT_REVOKED: 'it was revoked',
}

/** Why a broker could not be reached, in words: what a system or TLS error code means, and how to mend it. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  // A host with several addresses: one error for each, and no text of its own.
  const nested = error instanceof AggregateError ? error.errors[0] : undefined
  if (nested instanceof Error && error.message === '') return whyNot(nested)
  if (typeof code !== 'string') return error.message
  const known = SYSTEM[code]
  if (known !== undefined) return `${known} (${code})`
  if (/^ERR_SSL_.*ALERT/.test(code))
    return `the broker does not accept this client's certificate, or wants one (${code})`
  const certificate = CERTIFICATES[code]
  if (certificate !== undefined) return `the certificate is not accepted: ${certificate} (${code})`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate is not accepted: it is for another host: ${error.message} (${code})`
  return /CERT|SIGN|SSL|TLS|ISSUER/.test(code)
    ? `the certificate is not accepted: ${error.message} (${code})`
    : `${error.message} (${code})`
}

/** What is wrong with a certificate, by the codes of Node and OpenSSL. */

export type Fault = "misnamed" | "untimely" | "untrusted"

const codes =
  /^(?:CERT_|CRL_|ERR_TLS_CERT_|ERROR_IN_C|UNABLE_TO_|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)/

/** Whether this code means that the server refuses the client's certificate, or requires one. */
export const refusesClient = (code: unknown): boolean =>
  /^ERR_SSL_.*_ALERT_.*(CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(String(code))

/**
 * What is wrong with the certificate that was refused with this code; undefined for all other
 * errors.
 */
export const faultOf = (code: unknown): Fault | undefined => {
  if (typeof code !== "string" || !codes.test(code)) return undefined
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH") return "misnamed"
  return code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID" ? "untimely" : "untrusted"
}

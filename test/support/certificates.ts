/** Self-signed certificates, made by openssl. */
import { assert } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const openssl = (...args: ReadonlyArray<string>) => spawnSync("openssl", args, { stdio: "ignore" }).status === 0

export const hasOpenssl = openssl("version")

interface Certificate {
  /** The files of both. */
  readonly key: string
  readonly certificate: string
}

/** A self-signed certificate of `localhost`. */
export const selfSigned = (dir: string, name: string): Certificate => {
  const [key, certificate] = [join(dir, `${name}.key`), join(dir, `${name}.crt`)]
  const [subject, algorithm] = ["/CN=localhost", "rsa:2048"]
  const names = ["-subj", subject, "-keyout", key, "-out", certificate]
  const isMade = openssl("req", "-x509", "-nodes", "-newkey", algorithm, ...names)
  assert.isTrue(isMade, "openssl makes no certificate")
  return { key, certificate }
}

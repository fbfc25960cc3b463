import { issue } from '../../src/apps/tls-authority.ts'
import { publicKeyOf } from '../../src/crypto/signature.ts'
import { encodePem } from '../../src/wire/pem.ts'
import { encodePrivateKeyInfo } from '../../src/wire/x509-key.ts'
import { noise } from './body.ts'
import type { Lab } from './lab.ts'

/* What real servers serve to a simulated browser: a page, under a certificate of the scenario's authority. */

/** Of the scenario whose authority it is. */
export const SEED = 5
/** Of the server. */
export const ADDRESS = '10.0.1.1'

/** A page with all that belongs to it. */
export const PAGE_FILES: Readonly<Record<string, Uint8Array>> = {
  'index.html': Buffer.from(`<!doctype html><html><head><title>A page</title><link rel="stylesheet" href="a.css">
<script src="b.js"></script></head><body><img src="c.png" alt=""><img src="d.png" alt=""><p>${noise(30_000).toString()}</p></body></html>`),
  'a.css': Buffer.from(`@font-face { font-family: x; src: url("e.woff2") } /* ${noise(5000).toString()} */`),
  'b.js': Buffer.from(`fetch("/f.json") /* ${noise(20_000).toString()} */`),
  'c.png': noise(100_000),
  'd.png': noise(1),
  'e.woff2': noise(40_000),
  'f.json': Buffer.from('{}'),
}

/** Writes a certificate and its key; gives their paths. */
export function credentials(lab: Lab): { certificate: string; key: string } {
  const { chain, privateKey } = issue({
    seed: SEED,
    names: ['server'],
    addresses: [ADDRESS],
    kind: 'valid',
    keyType: 'p-256',
    intermediate: true,
    validFor: 7300,
    purpose: 'server',
  })
  return {
    certificate: lab.file('chain.pem', chain.map((der) => encodePem('CERTIFICATE', der)).join('')),
    key: lab.file('key.pem', encodePem('PRIVATE KEY', encodePrivateKeyInfo(privateKey, publicKeyOf(privateKey)))),
  }
}

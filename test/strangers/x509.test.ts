import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { publicKeyOf, type KeyType } from '../../src/crypto/signature.ts'
import { createAuthority, issueCertificate } from '../../src/protocols/x509/authority.ts'
import { DAY, RUN_EPOCH } from '../../src/protocols/x509/calendar.ts'
import { parseIp } from '../../src/wire/address.ts'
import { encodePem } from '../../src/wire/pem.ts'
import { encodePrivateKeyInfo, encodePublicKeyInfo } from '../../src/wire/x509-key.ts'
import { seededBytes } from '../crypto/bytes.ts'
import { CHAINS, questionOf } from '../protocols/x509/chains.ts'

// Certificates of our authorities, judged by the openssl program.

const KEY_TYPES: readonly KeyType[] = ['ec-p256', 'ed25519', 'rsa']

/** A day of the run on which everything is valid that is meant to be, whatever day it is outside. */
const DURING = String(RUN_EPOCH + 30 * DAY)

let folder = ''

function openssl(...words: string[]): { readonly status: number | null; readonly printed: string } {
  const { status, stdout, stderr, error } = spawnSync('openssl', words, { cwd: folder, encoding: 'utf8', timeout: 20_000 })
  if (error !== undefined) throw new Error(`openssl does not run (Debian: openssl): ${error.message}`)
  return { status, printed: `${stdout}${stderr}` }
}

function save(name: string, label: string, ...list: readonly Uint8Array[]): void {
  writeFileSync(join(folder, name), list.map((bytes) => encodePem(label, bytes)).join(''))
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'packetarium-x509-'))
})

after(() => {
  rmSync(folder, { recursive: true, force: true })
})

for (const key of KEY_TYPES) {
  describe(`openssl and a chain of keys of type ${key}`, () => {
    const random = seededBytes(`strangers/${key}`)
    const root = createAuthority({ random, key, commonName: 'Root', organization: 'Packetarium' })
    const issuer = createAuthority({ random, key, commonName: 'Intermediate', issuer: root, pathLength: 0 })
    const names = ['shop.example', '*.shop.example', '10.0.0.1', '2001:db8::1']
    const own = issueCertificate({ random, key, issuer, names })
    const verify = (...more: string[]) =>
      openssl('verify', '-x509_strict', '-attime', DURING, '-CAfile', 'root.pem', ...more, 'leaf.pem')
    const chained = ['-untrusted', 'intermediate.pem', '-purpose', 'sslserver']

    before(() => {
      save('root.pem', 'CERTIFICATE', root.certificate)
      save('intermediate.pem', 'CERTIFICATE', issuer.certificate)
      save('leaf.pem', 'CERTIFICATE', own.chain[0])
      save('key.pem', 'PRIVATE KEY', encodePrivateKeyInfo(own.privateKey))
    })

    test('openssl verify accepts it, strictly, for each of its names', () => {
      for (const name of ['shop.example', 'www.shop.example']) {
        assert.deepEqual(verify(...chained, '-verify_hostname', name), { status: 0, printed: 'leaf.pem: OK\n' })
      }
      for (const address of ['10.0.0.1', '2001:db8::1']) {
        assert.deepEqual(verify(...chained, '-verify_ip', address), { status: 0, printed: 'leaf.pem: OK\n' })
      }
    })

    test('openssl verify refuses another name, another purpose, another day, and a missing intermediate', () => {
      assert.match(verify(...chained, '-verify_hostname', 'a.b.shop.example').printed, /hostname mismatch/i)
      assert.match(
        verify('-untrusted', 'intermediate.pem', '-purpose', 'sslclient').printed,
        /unsupported certificate purpose|unsuitable certificate purpose/i,
      )
      assert.match(verify(...chained, '-attime', String(RUN_EPOCH + 30 * 365 * DAY)).printed, /certificate has expired/)
      assert.match(verify().printed, /unable to get local issuer certificate/)
    })

    test('openssl pkey reads the private key, and has the same public key', () => {
      assert.match(openssl('pkey', '-in', 'key.pem', '-noout', '-check').printed, /Key is valid/)
      const expected = encodePem('PUBLIC KEY', encodePublicKeyInfo(publicKeyOf(own.privateKey)))
      assert.equal(openssl('pkey', '-in', 'key.pem', '-pubout').printed, expected)
      assert.equal(openssl('x509', '-in', 'leaf.pem', '-noout', '-pubkey').printed, expected)
    })
  })
}

/** Where openssl verify comes to another end, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'a common name alone does not count': 'OpenSSL falls back on the common name; RFC 9525 and browsers do not',
  'wildcards inside a label, or not in the first, do not count': 'OpenSSL takes w*.example.org; RFC 9525 and browsers do not',
  'an RSA key of 1,024 bits': 'OpenSSL minds at a higher security level only',
  'signed with SHA-1': 'OpenSSL minds at a higher security level only',
  'signed by RSA-PSS, which is not known here': 'OpenSSL knows it',
  'a key of P-384, which is not known here': 'OpenSSL knows it',
  'for any purpose': 'RFC 5280 section 4.2.1.12 and browsers take any purpose for each; OpenSSL does not',
  'a key that is not for signatures':
    'OpenSSL thinks of key agreement with the key of the certificate, which TLS 1.3 has no more',
  'the issuer is certified twice, and only the second leads to a trusted root': 'OpenSSL does not go back to try another way',
  'a wildcard over a name that the root may not vouch for': 'OpenSSL compares the wildcard as if it were a name',
}

test('chains that we accept and refuse, openssl verify accepts and refuses too, but for ten', () => {
  for (const chain of CHAINS) {
    const { chain: sent, roots, name, purpose, now } = questionOf(chain)
    save('leaf.pem', 'CERTIFICATE', sent[0])
    save('others.pem', 'CERTIFICATE', ...sent.slice(1))
    save('roots.pem', 'CERTIFICATE', ...roots)
    const who =
      name === undefined ? [] : [parseIp(name) === undefined ? '-verify_hostname' : '-verify_ip', name.replace(/\.$/, '')]
    const what = ['-purpose', purpose === 'server' ? 'sslserver' : 'sslclient', '-attime', String(RUN_EPOCH + now / 1e9)]
    const trusted = roots.length === 0 ? ['-no-CAfile'] : ['-CAfile', 'roots.pem']
    const others = sent.length === 1 ? [] : ['-untrusted', 'others.pem']
    const { status, printed } = openssl('verify', '-no-CApath', '-no-CAstore', ...what, ...who, ...trusted, ...others, 'leaf.pem')
    const agrees = (status === 0) === (chain.expected === 'ok')
    assert.equal(agrees, !Object.hasOwn(DIFFERENT, chain.title), `${chain.title}: ${printed}`)
  }
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { alertName } from '../../../src/wire/tls/alert.ts'
import {
  cipherSuiteName,
  clientCertificateTypeName,
  extensionTypeName,
  handshakeMessageName,
  handshakeTypeName,
  namedGroupName,
  signatureSchemeName,
  versionName,
} from '../../../src/wire/tls/code-points.ts'

/** tshark's names of a field's values, by number. */
const theirs = new Map<string, Map<number, string>>()
for (const line of execFileSync('tshark', ['-G', 'values'], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: 'pipe' }).split(
  '\n',
)) {
  const [kind, field, value, name] = line.split('\t')
  if (kind !== 'V' || !field.startsWith('tls.')) continue
  const names = theirs.get(field) ?? new Map<number, string>()
  names.set(Number(value), name)
  theirs.set(field, names)
}

const TABLES: Readonly<Record<string, (code: number) => string | undefined>> = {
  'tls.handshake.ciphersuite': cipherSuiteName,
  'tls.handshake.extension.type': extensionTypeName,
  'tls.handshake.extensions_supported_group': namedGroupName,
  'tls.handshake.sig_hash_alg': signatureSchemeName,
  'tls.handshake.type': handshakeTypeName,
  'tls.alert_message.desc': alertName,
  'tls.handshake.cert_type': clientCertificateTypeName,
}

/** Where tshark differs from IANA's registry or from the RFC. */
const THEIR_WAY: Readonly<Record<string, string>> = {
  delegated_credentials: 'delegated_credential',
  reserved: 'grease',
}

function plain(name: string): string {
  const text = name
    .toLowerCase()
    .replace(/ \(.*\)$/, '')
    .replaceAll(' ', '_')
    .replace(/_reserved$/, '')
  return THEIR_WAY[text] ?? text
}

describe('the numbers of TLS', () => {
  for (const [field, nameOf] of Object.entries(TABLES)) {
    test(`${field} means what it means to tshark`, () => {
      const known = theirs.get(field)
      assert.ok(known, 'tshark knows the field')
      let compared = 0
      for (const [code, name] of known) {
        const ours = nameOf(code)
        if (ours === undefined) continue
        assert.equal(plain(ours), plain(name), String(code))
        compared++
      }
      assert.ok(compared >= 4, `${String(compared)} names were compared`)
    })
  }

  test('GREASE is sixteen values, which are no names of anything (RFC 8701 section 2)', () => {
    const values = [...Array(0x1_0000).keys()].filter((code) => cipherSuiteName(code) === 'GREASE')
    assert.equal(values.length, 16)
    assert.deepEqual([values[0], values[1], values[15]], [0x0a0a, 0x1a1a, 0xfafa])
    for (const code of values) assert.equal(extensionTypeName(code), 'GREASE')
  })

  test('what nobody knows has no name, and messages are called as in the figures of the RFCs', () => {
    assert.equal(cipherSuiteName(0xfffe), undefined)
    assert.equal(versionName(0x0304), 'TLS 1.3')
    assert.equal(versionName(0x0399), undefined)
    assert.equal(handshakeMessageName(1), 'ClientHello')
    assert.equal(handshakeMessageName(99), 'handshake type 99')
  })
})

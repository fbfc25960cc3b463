import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { generateRsaKey } from '../../../src/crypto/rsa-key.ts'
import { publicKeyOf, type KeyType } from '../../../src/crypto/signature.ts'
import { createAuthority, issueCertificate } from '../../../src/protocols/x509/authority.ts'
import { DAY, RUN_EPOCH } from '../../../src/protocols/x509/calendar.ts'
import { verifyChain } from '../../../src/protocols/x509/verify-chain.ts'
import { KeyPurpose } from '../../../src/wire/x509-extension.ts'
import { nameText } from '../../../src/wire/x509-name.ts'
import { decodeCertificate } from '../../../src/wire/x509.ts'
import { seededBytes } from '../../crypto/bytes.ts'

const KEY_TYPES: readonly KeyType[] = ['ec-p256', 'ed25519', 'rsa']

for (const key of KEY_TYPES) {
  describe(`an authority with a key of type ${key}`, () => {
    const random = seededBytes(key)
    const root = createAuthority({ random, key, commonName: 'Root', organization: 'Packetarium' })
    const issuer = createAuthority({ random, key, commonName: 'Intermediate', issuer: root, pathLength: 0 })
    const own = issueCertificate({ random, key, issuer, names: ['shop.example', '*.shop.example', '10.0.0.1', '2001:db8::1'] })

    test('root, intermediate and server: accepted, by each of its names', () => {
      for (const name of ['shop.example', 'www.shop.example', '10.0.0.1', '2001:db8::1']) {
        const verdict = verifyChain({ chain: own.chain, roots: [root.certificate], name, now: 0, purpose: 'server' })
        assert.ok(verdict.ok, verdict.ok ? '' : verdict.detail)
        assert.deepEqual(verdict.path, [...own.chain, root.certificate])
      }
    })

    test('OpenSSL finds each signed by the next, and the names', () => {
      const [leaf, intermediate, top] = [...own.chain, root.certificate].map((bytes) => new X509Certificate(bytes))
      assert.ok(leaf.verify(intermediate.publicKey) && leaf.checkIssued(intermediate), 'the leaf')
      assert.ok(intermediate.verify(top.publicKey) && intermediate.checkIssued(top), 'the intermediate')
      assert.ok(top.verify(top.publicKey) && top.checkIssued(top), 'the root')
      assert.equal(leaf.checkHost('a.shop.example'), '*.shop.example')
      assert.equal(leaf.checkIP('2001:db8::1'), '2001:db8::1')
    })

    test('the certificate is for the private key', () => {
      assert.deepEqual(decodeCertificate(own.chain[0]).publicKey, publicKeyOf(own.privateKey))
    })
  })
}

describe('what stands in the certificates', () => {
  const random = seededBytes('content')
  const root = createAuthority({ random, key: 'ed25519', commonName: 'Root', organization: 'Packetarium' })

  test('of an authority', () => {
    const { subject, issuer, known, version } = decodeCertificate(root.certificate)
    assert.deepEqual([nameText(subject), nameText(issuer), version], ['CN=Root, O=Packetarium', 'CN=Root, O=Packetarium', 3])
    assert.deepEqual(known.basicConstraints, { isAuthority: true })
    assert.deepEqual(known.keyUsage, ['digitalSignature', 'keyCertSign', 'cRLSign'])
    assert.deepEqual(root.chain, [])
  })

  test('of an intermediate: the limit of its path, and whose key signed it', () => {
    const made = createAuthority({ random, key: 'ed25519', commonName: 'Below', issuer: root, pathLength: 1 })
    const { known, issuer } = decodeCertificate(made.certificate)
    assert.deepEqual(known.basicConstraints, { isAuthority: true, pathLength: 1 })
    assert.deepEqual(known.authorityKeyIdentifier, decodeCertificate(root.certificate).known.subjectKeyIdentifier)
    assert.equal(nameText(issuer), 'CN=Root, O=Packetarium')
    const below = createAuthority({ random, key: 'ed25519', commonName: 'Lowest', issuer: made })
    assert.deepEqual(below.chain, [below.certificate, made.certificate])
  })

  test('of a client', () => {
    const { chain } = issueCertificate({
      random,
      key: 'ed25519',
      issuer: root,
      names: [],
      commonName: 'Alice',
      purpose: 'client',
    })
    const { known, subject } = decodeCertificate(chain[0])
    assert.deepEqual(known.extendedKeyUsage, [KeyPurpose.CLIENT_AUTH])
    assert.equal(known.subjectAltName, undefined)
    assert.equal(nameText(subject), 'CN=Alice')
    const question = { chain, roots: [root.certificate], name: undefined, now: 0 }
    assert.equal(verifyChain({ ...question, purpose: 'client' }).ok, true)
    assert.equal(verifyChain({ ...question, purpose: 'server' }).ok, false)
  })

  test('dates: as asked for, or from a year before the run to twenty years after its beginning', () => {
    const dates = (more: { notBefore?: number; notAfter?: number }) => {
      const { notBefore, notAfter } = decodeCertificate(
        issueCertificate({ random, key: 'ed25519', issuer: root, names: ['a'], ...more }).chain[0],
      )
      return [notBefore, notAfter]
    }
    assert.deepEqual(dates({}), [RUN_EPOCH - 365 * DAY, RUN_EPOCH + 20 * 365 * DAY])
    assert.deepEqual(dates({ notBefore: RUN_EPOCH + 5, notAfter: RUN_EPOCH + 3e9 }), [RUN_EPOCH + 5, RUN_EPOCH + 3e9])
  })

  test('a self-signed one, and one for a key that there is already', () => {
    const key = generateRsaKey(1024, random)
    const { chain, privateKey } = issueCertificate({ random, key, names: ['weak.example'] })
    assert.equal(privateKey, key)
    assert.equal(chain.length, 1)
    const verdict = verifyChain({ chain, roots: chain, name: 'weak.example', now: 0, purpose: 'server' })
    assert.equal(verdict.ok ? 'ok' : verdict.error, 'ERR_CERT_WEAK_KEY')
  })

  test('serial numbers are positive and differ', () => {
    const serials = Array.from({ length: 50 }, () => {
      const { chain } = issueCertificate({ random, key: 'ed25519', issuer: root, names: ['a'] })
      return decodeCertificate(chain[0]).serialNumber
    })
    assert.ok(
      serials.every((serial) => serial > 0n && serial < 1n << 159n),
      'a serial number is out of its range',
    )
    assert.equal(new Set(serials).size, 50)
  })

  test('all follows from the random bytes', () => {
    const make = (label: string) => {
      const seeded = seededBytes(label)
      const issuer = createAuthority({ random: seeded, key: 'ec-p256', commonName: 'Root' })
      return issueCertificate({ random: seeded, key: 'ec-p256', issuer, names: ['a'] })
    }
    assert.deepEqual(make('one'), make('one'))
    assert.notDeepEqual(make('one').chain, make('two').chain)
  })
})

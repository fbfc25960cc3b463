import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { formatIp, readIpv6 } from '../../src/wire/address.ts'
import { timeText } from '../../src/wire/asn1-time.ts'
import { der, derInteger, derNull, derObjectIdentifier, derSequence, derTime, derUtf8String } from '../../src/wire/asn1-writer.ts'
import { Asn1Tag } from '../../src/wire/asn1.ts'
import { DecodeError, type DecodeProblem } from '../../src/wire/errors.ts'
import type { Field } from '../../src/wire/field.ts'
import { read32 } from '../../src/wire/integer.ts'
import { encodeExtensions, type Extension, type GeneralName, type KnownExtensions } from '../../src/wire/x509-extension.ts'
import { decodePrivateKeyInfo, encodePrivateKeyInfo, encodePublicKeyInfo } from '../../src/wire/x509-key.ts'
import { certificateFields } from '../../src/wire/x509-layer.ts'
import { encodeName, nameText } from '../../src/wire/x509-name.ts'
import { decodeCertificate, encodeCertificate, encodeSigned, type CertificateContent } from '../../src/wire/x509.ts'
import { certificate, CERTIFICATES, KEYS } from '../protocols/x509/chains.ts'
import { vectorPath } from '../vectors/pcap.ts'
import { tshark } from '../vectors/tshark.ts'
import { mutants } from './mutants.ts'

const ALL = [...CERTIFICATES.values()]

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** As Node writes an alternative name. */
function nodeText(name: GeneralName): string {
  if (name.type === 'other') return 'other'
  if (name.type !== 'ip') return `${{ dns: 'DNS', email: 'email', uri: 'URI' }[name.type]}:${name.name}`
  if (name.address.length === 4) return `IP Address:${formatIp(read32(name.address, 0))}`
  const groups = Array.from({ length: 8 }, (_, i) => ((name.address[2 * i] << 8) | name.address[2 * i + 1]).toString(16))
  assert.equal(formatIp(readIpv6(name.address, 0)), '2001:db8::1')
  return `IP Address:${groups.join(':').toUpperCase()}`
}

describe('certificates of OpenSSL', () => {
  test('say what OpenSSL says that they say', () => {
    for (const [name, bytes] of CERTIFICATES) {
      const ours = decodeCertificate(bytes)
      const theirs = new X509Certificate(bytes)
      const lines = (text: string) => text.split('\n').reverse().join(', ')
      assert.equal(nameText(ours.subject), lines(theirs.subject), name)
      assert.equal(nameText(ours.issuer), lines(theirs.issuer), name)
      assert.equal(ours.serialNumber, BigInt(`0x${theirs.serialNumber}`), name)
      assert.equal(ours.notBefore, Date.parse(theirs.validFrom) / 1000, name)
      assert.equal(ours.notAfter, Date.parse(theirs.validTo) / 1000, name)
      const { basicConstraints, keyUsage, extendedKeyUsage } = ours.known
      assert.equal(basicConstraints?.isAuthority === true && keyUsage?.includes('keyCertSign') === true, theirs.ca, name)
      assert.deepEqual(extendedKeyUsage, theirs.keyUsage, name)
      assert.equal(ours.known.subjectAltName?.map(nodeText).join(', '), theirs.subjectAltName, name)
    }
  })

  test('keys are written as they stood there', () => {
    for (const [name, bytes] of CERTIFICATES) {
      const { publicKey } = decodeCertificate(bytes)
      if (publicKey.type === 'unknown') continue
      const theirs = new X509Certificate(bytes).publicKey.export({ format: 'der', type: 'spki' })
      assert.equal(hexOf(encodePublicKeyInfo(publicKey)), hexOf(theirs), name)
    }
    assert.deepEqual(decodeCertificate(certificate('p384')).publicKey, { type: 'unknown', algorithm: '1.3.132.0.34' })
  })

  test('written anew from what was read, they are the same bytes', () => {
    for (const [name, bytes] of CERTIFICATES) {
      const read = decodeCertificate(bytes)
      if (read.version !== 3 || read.publicKey.type === 'unknown') continue
      const signed = encodeSigned({
        ...read,
        issuer: read.issuer.der,
        subject: read.subject.der,
        publicKeyInfo: encodePublicKeyInfo(read.publicKey),
      })
      assert.equal(hexOf(encodeCertificate(signed, read.signatureAlgorithm, read.signature)), hexOf(bytes), name)
    }
  })

  test('extensions are written as they stood there', () => {
    for (const [name, bytes] of CERTIFICATES) {
      const { known, extensions } = decodeCertificate(bytes)
      const written = new Map(encodeExtensions(known).map(({ identifier, value }) => [identifier, hexOf(value)]))
      for (const { identifier, value } of extensions) {
        // Beside the key identifier there may be the issuer's name and number, which are not kept.
        const isWhole = identifier.startsWith('2.5.29.') && (identifier !== '2.5.29.35' || value.length === 24)
        if (!isWhole) continue
        assert.equal(written.get(identifier), hexOf(value), `${name}, ${identifier}`)
      }
    }
  })

  test('names are written as they stood there, letters from everywhere included', () => {
    for (const name of ['root-p256', 'unicode']) {
      const { subject } = decodeCertificate(certificate(name))
      assert.equal(hexOf(encodeName(subject.attributes)), hexOf(subject.der))
    }
    assert.equal(nameText(decodeCertificate(certificate('unicode')).subject), 'CN=www.example.org, O=Ünïcode 日本語 𝄞, C=AT')
  })

  test('private keys in PKCS #8 there and back, and they fit the certificates', () => {
    for (const [name, bytes] of KEYS) {
      const key = decodePrivateKeyInfo(bytes)
      const { publicKey: own } = decodeCertificate(certificate(name))
      assert.equal(hexOf(encodePrivateKeyInfo(key, own)), hexOf(bytes), name)
      // With a key of P-256 the public one is optional (RFC 5915 section 3).
      assert.deepEqual(decodePrivateKeyInfo(encodePrivateKeyInfo(key)), key)
      if (key.type !== 'rsa') continue
      const { publicKey } = decodeCertificate(certificate(name))
      assert.ok(publicKey.type === 'rsa' && publicKey.modulus === key.modulus, 'another modulus')
    }
  })
})

const SAMPLE = decodeCertificate(certificate('p256'))

/** A certificate with something else in it, which nobody has signed. */
function changed(change: Partial<CertificateContent>, around?: (tbs: Uint8Array) => Uint8Array): Uint8Array {
  const { publicKey } = SAMPLE
  assert.ok(publicKey.type !== 'unknown', 'the sample has a key of P-256')
  const signed = encodeSigned({
    ...SAMPLE,
    issuer: SAMPLE.issuer.der,
    subject: SAMPLE.subject.der,
    publicKeyInfo: encodePublicKeyInfo(publicKey),
    ...change,
  })
  return encodeCertificate(around?.(signed) ?? signed, SAMPLE.signatureAlgorithm, SAMPLE.signature)
}

function withKnown(known: KnownExtensions): Uint8Array {
  return changed({ extensions: encodeExtensions(known) })
}

function extension(identifier: string, value: Uint8Array): { extensions: readonly Extension[] } {
  return { extensions: [{ identifier, isCritical: false, value }] }
}

function refuses(bytes: Uint8Array, problem: DecodeProblem): void {
  assert.throws(
    () => decodeCertificate(bytes),
    (error) => error instanceof DecodeError && error.problem === problem,
  )
}

describe('RFC 5280 section 4: what is no certificate', () => {
  test('the algorithm inside and outside must be the same (section 4.1.1.2)', () => {
    const other = { algorithm: '1.3.101.112', parameters: undefined }
    refuses(changed({ signatureAlgorithm: other }), 'invalid')
    refuses(changed({ signatureAlgorithm: { ...SAMPLE.signatureAlgorithm, parameters: derNull() } }), 'invalid')
  })

  test('an extension twice (section 4.2)', () => {
    const [one] = SAMPLE.extensions
    refuses(changed({ extensions: [one, one] }), 'invalid')
  })

  test('more extensions than anybody needs', () => {
    const many = Array.from({ length: 65 }, (_, i) => ({ identifier: `1.2.3.${i}`, isCritical: false, value: derNull() }))
    refuses(changed({ extensions: many }), 'oversized')
    assert.equal(decodeCertificate(changed({ extensions: many.slice(1) })).extensions.length, 64)
  })

  test('extensions whose content is something else', () => {
    refuses(changed(extension('2.5.29.19', derNull())), 'invalid')
    refuses(changed(extension('2.5.29.19', Uint8Array.of(...derSequence(), 0))), 'invalid')
    refuses(changed(extension('2.5.29.15', derInteger(1n))), 'invalid')
    refuses(changed(extension('2.5.29.17', derSequence(der(0x87, Uint8Array.of(1, 2, 3))))), 'invalid')
    refuses(changed(extension('2.5.29.17', derSequence(der(0x82, Uint8Array.of(0xc3, 0xa9))))), 'invalid')
    refuses(changed(extension('2.5.29.30', derSequence(der(0xa0, derSequence(der(0x87, new Uint8Array(7))))))), 'invalid')
  })

  test('versions that do not exist, and extensions before version 3 (section 4.1.2.1)', () => {
    const version = (value: number) => changed({}, (tbs) => Uint8Array.from(tbs, (byte, i) => (i === 8 ? value : byte)))
    assert.equal(decodeCertificate(version(2)).version, 3)
    refuses(version(0), 'invalid')
    refuses(version(1), 'invalid')
    refuses(version(3), 'unsupported')
    assert.equal(decodeCertificate(certificate('root-v1')).version, 1)
  })

  test('more than 64 KiB', () => {
    refuses(changed(extension('1.2.3', new Uint8Array(65_536))), 'oversized')
  })

  test('bytes behind it', () => {
    refuses(Uint8Array.of(...certificate('p256'), 0), 'invalid')
  })

  test('keys of the wrong length', () => {
    const info = (algorithm: string, key: Uint8Array, ...parameters: Uint8Array[]) => ({
      publicKeyInfo: derSequence(
        derSequence(derObjectIdentifier(algorithm), ...parameters),
        der(Asn1Tag.BIT_STRING, Uint8Array.of(0), key),
      ),
    })
    const prime256v1 = derObjectIdentifier('1.2.840.10045.3.1.7')
    refuses(changed(info('1.3.101.112', new Uint8Array(31))), 'invalid')
    refuses(changed(info('1.2.840.10045.2.1', new Uint8Array(65), prime256v1)), 'invalid')
    refuses(changed(info('1.2.840.10045.2.1', new Uint8Array(65).fill(4))), 'invalid')
    refuses(changed(info('1.2.840.10045.2.1', new Uint8Array(65).fill(4), derNull())), 'unsupported')
    refuses(changed(info('1.2.840.113549.1.1.1', derSequence(derInteger(5n)), derNull())), 'truncated')
    const compressed = decodeCertificate(changed(info('1.2.840.10045.2.1', new Uint8Array(33).fill(2), prime256v1)))
    assert.equal(compressed.publicKey.type, 'ec-p256')
  })

  test('names that are no text stand as bytes', () => {
    const value = (content: Uint8Array) => derSequence(der(Asn1Tag.SET, derSequence(derObjectIdentifier('2.5.4.3'), content)))
    assert.equal(nameText(decodeCertificate(changed({ subject: value(derInteger(5n)) })).subject), 'CN=#020105')
    assert.equal(nameText(decodeCertificate(changed({ subject: derSequence() })).subject), '')
    refuses(changed({ subject: derSequence(der(Asn1Tag.SET)) }), 'invalid')
    const unknown = derSequence(der(Asn1Tag.SET, derSequence(derObjectIdentifier('2.5.4.5'), derUtf8String('7'))))
    assert.equal(nameText(decodeCertificate(changed({ subject: unknown })).subject), '2.5.4.5=7')
  })
})

describe('extensions there and back', () => {
  const list: readonly KnownExtensions[] = [
    { basicConstraints: { isAuthority: true } },
    { basicConstraints: { isAuthority: true, pathLength: 0 } },
    { basicConstraints: { isAuthority: false } },
    { keyUsage: ['digitalSignature', 'keyCertSign', 'decipherOnly'] },
    { keyUsage: [] },
    { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'] },
    {
      subjectAltName: [
        { type: 'email', name: 'a@b' },
        { type: 'uri', name: 'http://b/' },
        { type: 'dns', name: '*.b' },
      ],
    },
    { subjectKeyIdentifier: Uint8Array.of(1, 2) },
    { authorityKeyIdentifier: Uint8Array.of(3, 4) },
    { nameConstraints: { permitted: [{ type: 'dns', name: '.b' }], excluded: [] } },
    {
      nameConstraints: {
        permitted: [],
        excluded: [{ type: 'ip', address: Uint8Array.of(10, 0, 0, 0), mask: Uint8Array.of(255, 0, 0, 0) }],
      },
    },
  ]
  for (const known of list) {
    test(Object.keys(known).join(), () => {
      assert.deepEqual(decodeCertificate(withKnown(known)).known, known)
    })
  }
})

describe('fields for the inspector', () => {
  /** All fields, those inside others too, each within the one around it. */
  function flat(fields: readonly Field[], start: number, end: number): Field[] {
    return fields.flatMap((field) => {
      assert.ok(field.start >= start && field.end <= end && field.start < field.end, `${field.name} does not lie where it should`)
      return [field, ...flat(field.fields ?? [], field.start, field.end)]
    })
  }

  test('name, value and place of everything in a certificate, wherever it lies', () => {
    const bytes = certificate('p256')
    const frame = Uint8Array.of(...new Uint8Array(10).fill(0xee), ...bytes, 0xee)
    const fields = flat(certificateFields(frame, 10, 10 + bytes.length), 10, 10 + bytes.length)
    const value = (name: string) => fields.filter((field) => field.name === name).map((field) => field.value)
    assert.deepEqual(value('x509af.version'), ['2 (X.509 version 3)'])
    assert.deepEqual(value('x509af.issuer'), ['CN=Intermediate P-256, O=Vectors, C=AT'])
    assert.deepEqual(value('x509af.utcTime'), [SAMPLE.notBefore, SAMPLE.notAfter].map(timeText))
    assert.deepEqual(value('x509ce.dNSName'), ['www.example.org', '*.shop.example.org'])
    assert.deepEqual([...value('x509ce.IPAddress.ipv4'), ...value('x509ce.IPAddress.ipv6')], ['192.0.2.1', '2001:db8::1'])
    assert.deepEqual(value('x509ce.cA'), ['no'])
    assert.deepEqual(value('x509ce.KeyUsage'), ['digitalSignature'])
    const after = fields.find(({ label }) => label === 'Not after')
    assert.deepEqual(frame.subarray(after?.start, after?.end), derTime(SAMPLE.notAfter).subarray(2))
    assert.deepEqual(value('x509af.malformed'), [])
  })

  test('names and places of a certificate on the wire are those that tshark has', () => {
    const options = ['-o', `tls.keylog_file:${vectorPath('h2.keys')}`, '-Y', 'tls.handshake.certificate', '-T', 'pdml']
    const tags = tshark(vectorPath('h2.pcap'), ...options).match(/<field [^>]*>/g) ?? []
    const all = tags.map((tag) => {
      const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
      return { name: attribute('name'), hex: attribute('value'), isLeaf: tag.endsWith('/>') }
    })
    const isCertificate = ({ name }: { name: string }) => name === 'tls.handshake.certificate'
    const bytes = new Uint8Array(Buffer.from(all.find(isCertificate)?.hex ?? '', 'hex'))
    const first = all.slice(all.findIndex(isCertificate))
    const theirs = first
      .slice(0, first.findIndex(({ name }) => name === 'x509af.encrypted') + 1)
      .filter(({ name, isLeaf }) => isLeaf && /^(x509|pkcs1)/.test(name))
    const ours = flat(certificateFields(bytes, 0, bytes.length), 0, bytes.length).filter(({ fields }) => fields === undefined)
    assert.ok(theirs.length > 20, `${theirs.length} fields of tshark`)
    assert.deepEqual(
      ours.map(({ name, start, end }) => [name, hexOf(bytes.subarray(start, end))]),
      theirs.map(({ name, hex }) => [name, hex]),
    )
  })

  test('every certificate of OpenSSL is whole', () => {
    for (const [name, bytes] of CERTIFICATES) {
      const fields = flat(certificateFields(bytes, 0, bytes.length), 0, bytes.length)
      assert.ok(
        fields.every((field) => field.name !== 'x509af.malformed'),
        name,
      )
      assert.ok(fields.length > 20, `${name} has ${fields.length} fields`)
    }
  })

  test('a certificate that is cut off shows what there is, and says where it ends to be one', () => {
    const bytes = certificate('p256')
    for (let length = 1; length < bytes.length; length += 3) {
      const fields = flat(certificateFields(bytes.subarray(0, length), 0, length), 0, length)
      assert.ok(
        fields.some(({ name }) => name === 'x509af.malformed'),
        `${length} bytes`,
      )
    }
    assert.deepEqual(certificateFields(bytes, 5, 5), [])
  })

  test('20,000 mutated certificates: fields within the bytes, and no error', () => {
    for (const bytes of mutants(ALL, 20_000, 'fields')) flat(certificateFields(bytes, 0, bytes.length), 0, bytes.length)
  })
})

describe('hostile bytes', () => {
  test('100,000 mutated certificates: a value or a DecodeError that points into them', () => {
    let decoded = 0
    for (const bytes of mutants(ALL, 100_000, 'certificate')) {
      try {
        decodeCertificate(bytes)
        decoded++
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        assert.ok(error.offset >= 0 && error.offset <= bytes.length, error.message)
      }
    }
    assert.ok(decoded > 1000 && decoded < 99_000, `${decoded} were decoded`)
  })

  test('100,000 mutated private keys: a value or a DecodeError', () => {
    let decoded = 0
    for (const bytes of mutants([...KEYS.values()], 100_000, 'key')) {
      try {
        decodePrivateKeyInfo(bytes)
        decoded++
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }
    assert.ok(decoded > 1000 && decoded < 99_000, `${decoded} were decoded`)
  })
})

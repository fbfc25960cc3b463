import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAuthority, issueCertificate, type Authority } from '../../../src/protocols/x509/authority.ts'
import { DAY, RUN_EPOCH } from '../../../src/protocols/x509/calendar.ts'
import type { Verdict } from '../../../src/protocols/x509/verdict.ts'
import { verifyChain, type ChainQuestion } from '../../../src/protocols/x509/verify-chain.ts'
import { encodePublicKeyInfo } from '../../../src/wire/x509-key.ts'
import { decodeCertificate, encodeCertificate, encodeSigned } from '../../../src/wire/x509.ts'
import { seededBytes } from '../../crypto/bytes.ts'
import { mutants } from '../../wire/mutants.ts'
import { certificate, CHAINS, questionOf } from './chains.ts'

function outcome(verdict: Verdict): string {
  return verdict.ok ? 'ok' : verdict.error
}

describe('chains that OpenSSL made', () => {
  for (const chain of CHAINS) {
    test(`${chain.title}: ${chain.expected}`, () => {
      const verdict = verifyChain(questionOf(chain))
      assert.equal(outcome(verdict), chain.expected, verdict.ok ? '' : verdict.detail)
      if (verdict.ok) {
        assert.equal(verdict.path.length, chain.path)
        assert.deepEqual(verdict.path[0], certificate(chain.chain[0]))
        const end = verdict.path.at(-1) ?? new Uint8Array(0)
        const endsAtRoot = chain.roots.some((root) => Buffer.compare(certificate(root), end) === 0)
        assert.ok(endsAtRoot, 'the path does not end at a root')
      } else {
        assert.match(verdict.detail, /^[A-Z].*\.$/)
        assert.match(verdict.cites, /^(RFC \d+|CA\/Browser Forum .*) section [\d.]+$/)
      }
    })
  }

  test('every error that there is has a case', () => {
    const errors = [...new Set(CHAINS.map(({ expected }) => expected))].sort()
    assert.deepEqual(errors, [
      'ERR_CERT_AUTHORITY_INVALID',
      'ERR_CERT_COMMON_NAME_INVALID',
      'ERR_CERT_DATE_INVALID',
      'ERR_CERT_INVALID',
      'ERR_CERT_NAME_CONSTRAINT_VIOLATION',
      'ERR_CERT_WEAK_KEY',
      'ERR_CERT_WEAK_SIGNATURE_ALGORITHM',
      'ok',
    ])
  })

  test('the order of what is sent behind the first does not matter', () => {
    const sent = ['too-deep', 'int-below', 'int-p256', 'root-p256', 'root-rsa']
    const orders = [
      [1, 2, 3, 4],
      [4, 3, 2, 1],
      [3, 1, 4, 2],
    ]
    for (const order of orders) {
      const chain = ['too-deep', ...order.map((i) => sent[i])]
      const question = questionOf({ title: '', chain, roots: ['root-p256'], name: 'www.example.org', expected: '' })
      assert.equal(outcome(verifyChain(question)), 'ERR_CERT_INVALID')
    }
  })
})

describe('what a person is told', () => {
  const told = (title: string): string => {
    const chain = CHAINS.find((one) => one.title === title)
    assert.ok(chain !== undefined, `no chain '${title}'`)
    const verdict = verifyChain(questionOf(chain))
    return verdict.ok ? 'ok' : verdict.detail
  }

  test('whom the certificate is for, and whom not', () => {
    const names = 'www.example.org, *.shop.example.org, 192.0.2.1, 2001:db8::1'
    assert.equal(told('another name'), `The certificate is for ${names}, not for www.example.net.`)
    assert.equal(told('another IPv4 address'), `The certificate is for ${names}, not for the address 192.0.2.2.`)
    assert.match(told('a common name alone does not count'), /is for nobody \(a common name does not count\), not for www/)
  })

  test('since when it is over, and what the clock says', () => {
    assert.match(
      told('expired a second before the run begins'),
      /CN=www\.example\.org expired on 2025-12-31 23:59:59 UTC; it is 2026-01-01 00:00:00 UTC by this clock\.$/,
    )
  })

  test('why nobody trusts it', () => {
    assert.match(told('self-signed'), /self-signed: nobody but CN=www\.example\.org/)
    assert.match(told('without the intermediate'), /issued by CN=Intermediate P-256, O=Vectors, C=AT, who is not trusted here/)
    assert.match(told('the root is not trusted'), /ends with CN=Root P-256, O=Vectors, C=AT, who is not trusted here/)
  })

  test('a long list of names is cut short', () => {
    const names = Array.from({ length: 40 }, (_, i) => `host-${i}.example`)
    const { chain } = issueCertificate({ random: seededBytes('names'), key: 'ed25519', names })
    const verdict = verifyChain({ chain, roots: chain, name: 'other.example', now: 0, purpose: 'server' })
    assert.match(verdict.ok ? '' : verdict.detail, /host-4\.example and 35 more, not for other\.example/)
  })
})

/** A chain of our own making. */
function ownChain(): ChainQuestion & { root: Authority } {
  const random = seededBytes('own')
  const root = createAuthority({ random, key: 'ed25519', commonName: 'Root' })
  const issuer = createAuthority({ random, key: 'ed25519', commonName: 'Intermediate', issuer: root, pathLength: 0 })
  const { chain } = issueCertificate({ random, key: 'ed25519', issuer, names: ['shop.example'] })
  return { chain, roots: [root.certificate], name: 'shop.example', now: 0, purpose: 'server', root }
}

describe('attempts at deceit', () => {
  test('no byte of a certificate can be changed', () => {
    const question = ownChain()
    assert.equal(outcome(verifyChain(question)), 'ok')
    for (const [place, bytes] of question.chain.entries()) {
      for (let i = 0; i < bytes.length; i++) {
        const chain = question.chain.map((one, at) => (at === place ? one.map((byte, j) => (j === i ? byte ^ 1 : byte)) : one))
        assert.notEqual(outcome(verifyChain({ ...question, chain })), 'ok', `byte ${i} of certificate ${place}`)
      }
    }
  })

  test('a signature that does not fit is told as such', () => {
    const question = ownChain()
    const [leaf, intermediate] = question.chain
    const changed = leaf.slice()
    changed[changed.length - 1] ^= 1
    const verdict = verifyChain({ ...question, chain: [changed, intermediate] })
    assert.match(
      verdict.ok ? '' : verdict.detail,
      /was not signed by CN=Intermediate, as it says: it was changed, or somebody else made it/,
    )
  })

  test('somebody of the same name as a trusted root', () => {
    const question = ownChain()
    const random = seededBytes('false')
    const issuer = createAuthority({ random, key: 'ed25519', commonName: 'Root' })
    const { chain } = issueCertificate({ random, key: 'ed25519', issuer, names: ['shop.example'] })
    for (const sent of [chain, [...chain, issuer.certificate], [...chain, ...question.roots]]) {
      assert.equal(outcome(verifyChain({ ...question, chain: sent })), 'ERR_CERT_AUTHORITY_INVALID')
    }
  })

  test('a server that plays the authority for others (the flaw of many a verifier)', () => {
    const question = ownChain()
    const random = seededBytes('mallory')
    const server = issueCertificate({ random, key: 'ed25519', issuer: question.root, names: ['mallory.example'] })
    const subject = server.chain[0]
    const issuer: Authority = { ...question.root, certificate: subject, chain: [subject], privateKey: server.privateKey }
    // The name and the key identifier of the certificate that it has no right to sign with.
    const own = createAuthority({ random, key: server.privateKey, commonName: 'mallory.example' })
    const false_ = issueCertificate({
      random,
      key: 'ed25519',
      issuer: { ...issuer, name: own.name, keyIdentifier: own.keyIdentifier },
      names: ['shop.example'],
    })
    const verdict = verifyChain({ ...question, chain: false_.chain })
    assert.equal(outcome(verdict), 'ERR_CERT_INVALID')
    assert.match(verdict.ok ? '' : verdict.detail, /CN=mallory\.example issued a certificate and is no authority/)
  })

  test('certificates that go in circles end, after few signatures', () => {
    const random = seededBytes('circle')
    const names = ['A', 'B', 'C', 'D']
    const bare = names.map((commonName) => createAuthority({ random, key: 'ed25519', commonName }))
    // Each is certified by each: many ways through, and none leads to anybody.
    const crossed = bare.flatMap((own, at) =>
      bare
        .filter((other) => other !== own)
        .map((issuer) => createAuthority({ random, key: own.privateKey, commonName: names[at], issuer }).certificate),
    )
    const { chain } = issueCertificate({ random, key: 'ed25519', issuer: bare[0], names: ['shop.example'] })
    const root = createAuthority({ random, key: 'ed25519', commonName: 'Root' })
    const verdict = verifyChain({
      chain: [...chain, ...crossed],
      roots: [root.certificate],
      name: 'shop.example',
      now: 0,
      purpose: 'server',
    })
    assert.equal(outcome(verdict), 'ERR_CERT_AUTHORITY_INVALID')
  })

  test('nor do those whose signatures cannot be checked at all: 15 of one name, each perhaps the issuer of each', () => {
    const random = seededBytes('unchecked')
    const own = createAuthority({ random, key: 'ed25519', commonName: 'A' })
    const sha1 = { algorithm: '1.2.840.113549.1.1.5', parameters: undefined }
    const chain = Array.from({ length: 16 }, (_, i) => {
      const read = decodeCertificate(own.certificate)
      const { publicKey } = read
      assert.ok(publicKey.type === 'ed25519', 'the key is of Ed25519')
      const content = { ...read, serialNumber: BigInt(i + 1), signatureAlgorithm: sha1, issuer: own.name, subject: own.name }
      return encodeCertificate(encodeSigned({ ...content, publicKeyInfo: encodePublicKeyInfo(publicKey) }), sha1, random(64))
    })
    const root = createAuthority({ random, key: 'ed25519', commonName: 'Root' })
    const verdict = verifyChain({ chain, roots: [root.certificate], name: 'a', now: 0, purpose: 'server' })
    assert.equal(verdict.ok, false)
  })

  test('nothing, rubbish, and rubbish behind something good', () => {
    const question = ownChain()
    assert.equal(outcome(verifyChain({ ...question, chain: [] })), 'ERR_CERT_INVALID')
    assert.equal(outcome(verifyChain({ ...question, chain: [Uint8Array.of(1, 2, 3)] })), 'ERR_CERT_INVALID')
    const [leaf, intermediate] = question.chain
    assert.equal(outcome(verifyChain({ ...question, chain: [leaf, Uint8Array.of(0x30), intermediate] })), 'ok')
    const many = Array.from({ length: 1000 }, () => intermediate)
    assert.equal(outcome(verifyChain({ ...question, chain: [leaf, ...many] })), 'ok')
  })

  test('names with other characters match nothing', () => {
    const random = seededBytes('odd names')
    for (const name of [
      'shop.example\0.mallory.example',
      'shop.example ',
      '*',
      '*.',
      '.example',
      'shop..example',
      '*.*.example',
    ]) {
      const { chain } = issueCertificate({ random, key: 'ed25519', names: [name] })
      for (const wanted of ['shop.example', 'a.b.example', name]) {
        const verdict = verifyChain({ chain, roots: chain, name: wanted, now: 0, purpose: 'server' })
        assert.equal(outcome(verdict), 'ERR_CERT_COMMON_NAME_INVALID', `${JSON.stringify(name)} for ${JSON.stringify(wanted)}`)
      }
    }
  })
})

describe('the clock', () => {
  const at = (now: number, notBefore: number, notAfter: number) => {
    const { chain } = issueCertificate({
      random: seededBytes('clock'),
      key: 'ed25519',
      names: ['a.example'],
      notBefore,
      notAfter,
    })
    return outcome(verifyChain({ chain, roots: chain, name: 'a.example', now, purpose: 'server' }))
  }

  test('both ends belong to the time in which it is valid (RFC 5280 section 4.1.2.5)', () => {
    assert.equal(at(0, RUN_EPOCH, RUN_EPOCH + 10), 'ok')
    assert.equal(at(-1, RUN_EPOCH, RUN_EPOCH + 10), 'ERR_CERT_DATE_INVALID')
    assert.equal(at(10e9, RUN_EPOCH, RUN_EPOCH + 10), 'ok')
    assert.equal(at(11e9, RUN_EPOCH, RUN_EPOCH + 10), 'ERR_CERT_DATE_INVALID')
  })

  test('a run begins on the first of January 2026', () => {
    assert.equal(RUN_EPOCH, Date.UTC(2026, 0, 1) / 1000)
    assert.equal(at(0, RUN_EPOCH - DAY, RUN_EPOCH - 1), 'ERR_CERT_DATE_INVALID')
  })
})

test('100,000 mutated certificates in chains: a verdict each time, and never that all is well', () => {
  // A weak key is wrong with this one, so that a mutant which is none is refused as well; signatures of RSA are checked quickly.
  const weak = CHAINS.find(({ chain }) => chain.includes('rsa1024'))
  assert.ok(weak !== undefined, 'the chain is there')
  const question = questionOf(weak)
  const [leaf, intermediate] = question.chain
  const counts = new Map<string, number>()
  const tell = (chain: readonly Uint8Array[]) => {
    const result = outcome(verifyChain({ ...question, chain }))
    counts.set(result, (counts.get(result) ?? 0) + 1)
  }
  for (const bytes of mutants([leaf], 90_000, 'leaf')) tell([bytes, intermediate])
  // Fewer of these: the root's signature is of 4,096 bits.
  for (const bytes of mutants([intermediate], 10_000, 'intermediate')) tell([leaf, bytes])
  assert.equal(counts.get('ok'), undefined)
  for (const error of ['ERR_CERT_INVALID', 'ERR_CERT_AUTHORITY_INVALID']) {
    assert.ok((counts.get(error) ?? 0) > 100, `${error}: ${counts.get(error) ?? 0}`)
  }
})

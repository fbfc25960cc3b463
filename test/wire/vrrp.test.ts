import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { finish, sum } from '../../src/wire/checksum.ts'
import { DecodeError } from '../../src/wire/errors.ts'
import {
  decodeVrrp,
  encodeVrrp,
  verifyVrrpChecksum,
  virtualRouterMac,
  VRRP_GROUP,
  vrrpEncodedLength,
  vrrpLayer,
  type VrrpAdvertisement,
} from '../../src/wire/vrrp.ts'
import { mutants } from './mutants.ts'

const ADVERTISEMENT: VrrpAdvertisement = { vrid: 7, priority: 200, interval: 100, addresses: [0x0a000064] }
const SOURCE = 0x0a000008

function encoded(advertisement = ADVERTISEMENT, source = SOURCE): Uint8Array {
  const bytes = new Uint8Array(vrrpEncodedLength(advertisement))
  encodeVrrp(advertisement, bytes, 0, source)
  return bytes
}

/** With RFC 9568's checksum, which knows no addresses over IPv4. */
function withoutPseudoHeader(): Uint8Array {
  const bytes = encoded()
  bytes.fill(0, 6, 8)
  const checksum = finish(sum(bytes, 0, bytes.length))
  bytes[6] = checksum >> 8
  bytes[7] = checksum & 0xff
  return bytes
}

function problem(bytes: Uint8Array): string {
  try {
    decodeVrrp(bytes, 0, bytes.length)
    return 'none'
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return `${error.problem} ${String(error.offset)}`
  }
}

test('RFC 9568 section 5.1: an advertisement, byte by byte', () => {
  const bytes = encoded()
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    '3107c8010064' + Buffer.from(bytes.subarray(6, 8)).toString('hex') + '0a000064',
  )
  assert.deepEqual(decodeVrrp(bytes, 0, bytes.length), ADVERTISEMENT)
  assert.equal(virtualRouterMac(7), 0x0000_5e00_0107)
})

test('any advertisement survives bytes, at any place', () => {
  const byte = fc.integer({ min: 1, max: 255 })
  const addresses = fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 255 })
  fc.assert(
    fc.property(
      byte,
      fc.nat(255),
      fc.nat(4095),
      addresses,
      fc.nat(7),
      fc.nat(0xffff_ffff),
      (vrid, priority, interval, list, at, from) => {
        const advertisement = { vrid, priority, interval, addresses: list }
        const bytes = new Uint8Array(1100)
        const end = encodeVrrp(advertisement, bytes, at, from)
        assert.deepEqual(decodeVrrp(bytes, at, end), advertisement)
        assert.equal(verifyVrrpChecksum(bytes, at, end, from, VRRP_GROUP), true)
        bytes[at + 2] ^= 1
        assert.equal(verifyVrrpChecksum(bytes, at, end, from, VRRP_GROUP), false, 'a flipped bit shows')
      },
    ),
    { seed: 9568 },
  )
})

test('section 5.2.8: a checksum with a pseudo-header is right, and one without is; that of another source is wrong', () => {
  const bytes = encoded()
  const plain = withoutPseudoHeader()
  assert.notDeepEqual(bytes, plain)
  assert.equal(verifyVrrpChecksum(bytes, 0, 12, SOURCE, VRRP_GROUP), true)
  assert.equal(verifyVrrpChecksum(plain, 0, 12, SOURCE, VRRP_GROUP), true)
  assert.equal(verifyVrrpChecksum(bytes, 0, 12, SOURCE + 1, VRRP_GROUP), false)
})

test('section 7.1: other versions and types, virtual router 0, no address, and what is cut short, are refused', () => {
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = encoded()
    bytes[at] = value
    return bytes
  }
  assert.equal(problem(changed(0, 0x21)), 'unsupported 0')
  assert.equal(problem(changed(0, 0x32)), 'unsupported 0')
  assert.equal(problem(changed(1, 0)), 'invalid 1')
  assert.equal(problem(changed(3, 0)), 'invalid 3')
  assert.equal(problem(changed(3, 2)), 'truncated 12')
  assert.equal(problem(encoded().subarray(0, 7)), 'truncated 7')
  assert.equal(problem(encoded()), 'none')
})

test('what has no room in an advertisement is our own mistake', () => {
  const wrong = [
    { vrid: 0 },
    { vrid: 256 },
    { priority: 256 },
    { interval: 4096 },
    { addresses: [] },
    { addresses: new Array<number>(256).fill(1) },
  ]
  for (const more of wrong) assert.throws(() => encoded({ ...ADVERTISEMENT, ...more }), RangeError)
})

test('the layer names what it shows, and tells of a wrong checksum and of bytes behind', () => {
  const layer = vrrpLayer(encoded(), 0, 12, SOURCE, VRRP_GROUP)
  assert.equal(layer.summary, 'advertisement of virtual router 7, priority 200, 10.0.0.100')
  assert.equal(layer.problem, undefined)
  assert.deepEqual(
    layer.fields.map(({ name, value }) => `${name}=${value}`).filter((text) => !text.includes('checksum')),
    [
      'vrrp.version=3',
      'vrrp.type=1 (advertisement)',
      'vrrp.virt_rtr_id=7',
      'vrrp.prio=200 (of a backup)',
      'vrrp.addr_count=1',
      'vrrp.reserved_mbz=0',
      'vrrp.short_adver_int=100 centiseconds',
      'vrrp.ip_addr=10.0.0.100',
    ],
  )
  const right = Buffer.from(encoded().subarray(6, 8)).toString('hex')
  const broken = encoded()
  broken[6] ^= 0x40
  assert.equal(vrrpLayer(broken, 0, 12, SOURCE, VRRP_GROUP).problem, `checksum should be 0x${right}`)
  const longer = Uint8Array.of(...encoded(), 0, 0)
  assert.ok(
    vrrpLayer(longer, 0, 14, SOURCE, VRRP_GROUP).problem?.includes('2 bytes behind the addresses'),
    'authentication data of version 2, say',
  )
})

test('100,000 mutants give a value or a DecodeError that points into them', () => {
  let values = 0
  let refusals = 0
  const samples = [encoded(), withoutPseudoHeader(), encoded({ ...ADVERTISEMENT, priority: 0, addresses: [1, 2, 3, 4, 5] })]
  for (const bytes of mutants(samples, 100_000, 'vrrp')) {
    try {
      const { addresses } = decodeVrrp(bytes, 0, bytes.length)
      assert.ok(addresses.length > 0 && 8 + 4 * addresses.length <= bytes.length, 'addresses lie in the bytes')
      const { fields } = vrrpLayer(bytes, 0, bytes.length, SOURCE, VRRP_GROUP)
      for (const { start, end } of fields) assert.ok(start >= 0 && end <= bytes.length && start < end, 'fields lie in the bytes')
      values++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      assert.ok(error.offset <= bytes.length, 'it points into the bytes')
      refusals++
    }
  }
  assert.ok(values > 10_000 && refusals > 10_000, `${String(values)} were read, ${String(refusals)} refused`)
})

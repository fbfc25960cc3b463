import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Path } from '../../../src/protocols/quic/path.ts'
import { PathMtu } from '../../../src/protocols/quic/path-mtu.ts'
import { PathValidation } from '../../../src/protocols/quic/path-validation.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { bytesOf, MS, pathOf, SECOND } from './recovery-lab.ts'

const PTO = 100 * MS
const HERE = { address: 0x0a00_0001, port: 443 }

test('RFC 9000 section 8.1: three times what came may go to an address that is not validated, then any amount', () => {
  const path = new Path(HERE, { address: 0x0a00_0002, port: 5000 }, { maxUdpPayload: 1200 }, true, bytesOf(1))
  assert.equal(path.sendable, 0)
  path.datagramReceived(1200)
  assert.equal(path.sendable, 3600)
  path.datagramSent(1200)
  path.datagramSent(1250)
  assert.equal(path.sendable, 1150)
  path.addressValidated()
  path.datagramSent(1e6)
  assert.equal(path.sendable, Infinity)
})

test('what may be sent before validation is not used up by data: a few challenges can always follow', () => {
  const path = new Path(HERE, { address: 0x0a00_0002, port: 5000 }, { maxUdpPayload: 1200 }, true, bytesOf(1))
  path.validation.begin(PTO, 0)
  path.datagramReceived(60)
  assert.equal(path.sendable, 64, 'of 180, for a challenge is due')
  path.validation.challenge(false, 0)
  path.datagramSent(45)
  assert.equal(path.sendable, 7)
  path.datagramSent(7)
  assert.equal(path.sendable, 0)
  path.validation.handleTimeout(PTO)
  assert.equal(path.sendable, 64, 'the next one')
  path.datagramReceived(1000)
  assert.equal(path.sendable, 3000)
  path.validation.settle('failed')
  assert.equal(path.sendable, 3128)
})

test('RFC 9000 section 9.4: where only the port differs, window and round-trip time are kept; the limit is not', () => {
  const old = pathOf()
  old.rtt.sample(50 * MS, 0, 0)
  old.congestion.begin()
  old.congestion.sent(12_000, 0)
  old.congestion.begin()
  old.congestion.acknowledged(8400, 0)
  old.congestion.finish(1, -1, 0)
  const path = new Path(HERE, { address: 0x0a00_0002, port: 6000 }, { maxUdpPayload: 1200 }, true, bytesOf(1), old)
  assert.deepEqual([path.rtt.srtt, path.congestion.window, path.congestion.inFlight, path.sendable], [50 * MS, 20_400, 0, 0])
  const other = new Path(HERE, { address: 0x0a00_0003, port: 6000 }, { maxUdpPayload: 1200 }, true, bytesOf(1))
  assert.equal(other.rtt.srtt, -1)
})

test('RFC 9000 section 8.2: a path is validated by the data of any challenge that went there, of no other', () => {
  const validation = new PathValidation(bytesOf(2))
  validation.begin(PTO, 0)
  assert.deepEqual([validation.state, validation.isChallengeDue], ['validating', true])
  const first = validation.challenge(false, 0)
  assert.deepEqual([first.length, validation.isChallengeDue, validation.timeout], [8, false, PTO])
  assert.equal(validation.handleTimeout(PTO), false)
  assert.equal(validation.isChallengeDue, true, 'another one, with other data')
  const second = validation.challenge(true, PTO)
  assert.notDeepEqual(second, first)
  assert.equal(validation.answered(new Uint8Array(8)), false)
  assert.equal(validation.answered(first), true)
  assert.deepEqual([validation.state, validation.isSizeValidated, validation.timeout], ['validated', false, -1])
  assert.equal(validation.answered(second), false, 'nobody waits for it any more')
})

test('RFC 9000 section 8.2.4: validation is given up after three probe timeouts', () => {
  const validation = new PathValidation(bytesOf(2))
  validation.begin(PTO, SECOND)
  const data = validation.challenge(true, SECOND)
  for (let now = SECOND; now < SECOND + 3 * PTO; now = validation.timeout) {
    assert.equal(validation.handleTimeout(now), false)
    if (validation.isChallengeDue) validation.challenge(true, now)
  }
  assert.equal(validation.timeout, SECOND + 3 * PTO)
  assert.equal(validation.handleTimeout(SECOND + 3 * PTO - 1), false)
  assert.equal(validation.handleTimeout(SECOND + 3 * PTO), true)
  assert.deepEqual([validation.state, validation.answered(data), validation.timeout], ['failed', false, -1])
})

test('RFC 9000 section 8.2.1: only a challenge in a full datagram shows that the path takes such', () => {
  const validation = new PathValidation(bytesOf(2))
  validation.begin(PTO, 0)
  assert.equal(validation.answered(validation.challenge(false, 0)), true)
  validation.begin(PTO, 0)
  assert.equal(validation.answered(validation.challenge(true, 0)), true)
  assert.equal(validation.isSizeValidated, true)
})

test('RFC 9000 section 8.2.2: challenges are answered in their order; of very many the newest', () => {
  const validation = new PathValidation(bytesOf(2))
  const data = (name: number): Uint8Array => new Uint8Array(8).fill(name)
  for (let name = 0; name < 100; name++) validation.challenged(data(name))
  const answers: number[] = []
  while (validation.hasAnswer) answers.push(validation.pollAnswer()?.[0] ?? -1)
  assert.deepEqual(answers, [96, 97, 98, 99])
})

/**
 * Lets a search go on over a path that takes datagrams of so many bytes.
 * @returns sizes of all probes
 */
function search(mtu: PathMtu, takes: number, now = 0): number[] {
  const sizes: number[] = []
  for (let size = mtu.probeSize(now); size > 0 && sizes.length < 100; size = mtu.probeSize(now)) {
    sizes.push(size)
    mtu.probeSent(size)
    assert.equal(mtu.probeSize(now), 0, 'one probe at a time')
    if (size <= takes) mtu.acknowledged(size, true, now)
    else mtu.probeLost(size, now)
  }
  return sizes
}

test('RFC 8899: a path that takes what the own link takes is known by one probe', () => {
  const mtu = new PathMtu(1472)
  assert.equal(mtu.probeSize(0), 0, 'nothing before the search begins')
  mtu.begin(0)
  assert.deepEqual(search(mtu, 1472), [1472])
  assert.deepEqual([mtu.size, mtu.state], [1472, 'SEARCH_COMPLETE'])
})

test('RFC 8899 section 5.3: whatever a path takes is found to 16 bytes, with three probes of each size that is too large', () => {
  for (let takes = 1200; takes <= 9000; takes += 137) {
    const mtu = new PathMtu(8972)
    mtu.begin(0)
    const sizes = search(mtu, takes)
    assert.equal(mtu.state, 'SEARCH_COMPLETE')
    assert.ok(mtu.size <= takes && (mtu.size > takes - 16 || mtu.size === 8972), `${String(mtu.size)} of ${String(takes)}`)
    assert.ok(sizes.length <= 40, `${String(sizes.length)} probes`)
    for (const size of sizes) {
      const count = sizes.filter((other) => other === size).length
      assert.equal(count, size <= takes ? 1 : 3)
    }
  }
})

test('no search where the peer or the own link takes no more than the base', () => {
  const mtu = new PathMtu(1472)
  mtu.limit(1200)
  mtu.begin(0)
  assert.deepEqual([mtu.probeSize(0), mtu.state], [0, 'SEARCH_COMPLETE'])
})

test('RFC 8899 section 5.1.1: after ten minutes more is tried', () => {
  const mtu = new PathMtu(1472)
  mtu.begin(0)
  search(mtu, 1300)
  const found = mtu.size
  assert.equal(mtu.probeSize(599 * SECOND), 0)
  assert.deepEqual(search(mtu, 1472, 600 * SECOND), [1472])
  assert.ok(mtu.size > found, 'the path takes more by now')
})

test('RFC 8899 section 4.3: when only large packets vanish, again and again, all begins anew at the base', () => {
  const mtu = new PathMtu(1472)
  mtu.begin(0)
  search(mtu, 1472)
  for (let i = 0; i < 20; i++) {
    assert.equal(mtu.lost(1472, 0), false)
    if (i % 3 === 2) mtu.acknowledged(1472, false, 0)
  }
  assert.equal(mtu.size, 1472, 'losses among arrivals are usual')
  const losses = Array.from({ length: 10 }, () => mtu.lost(1472, 0))
  assert.equal(losses.filter((isHole) => isHole).length, 1)
  assert.equal(mtu.size, 1200)
  search(mtu, 1300)
  assert.ok(mtu.size > 1284 && mtu.size <= 1300, String(mtu.size))
})

test('RFC 9000 section 14.2.1: a report that less fits is heeded, one of less than 1,200 bytes or of more than is known is not', () => {
  const mtu = new PathMtu(1472)
  mtu.begin(0)
  search(mtu, 1472)
  assert.equal(mtu.reported(1100, 0), false)
  assert.equal(mtu.reported(9000, 0), false)
  assert.equal(mtu.size, 1472)
  assert.equal(mtu.reported(1372, 0), true)
  assert.equal(mtu.size, 1200)
  assert.deepEqual(search(mtu, 1372), [1372])
  assert.equal(mtu.size, 1372)
})

test('a report during the search says what to try next', () => {
  const mtu = new PathMtu(1472)
  mtu.begin(0)
  mtu.probeSent(mtu.probeSize(0))
  assert.equal(mtu.reported(1350, 0), false)
  mtu.probeLost(1472, 0)
  assert.equal(mtu.probeSize(0), 1350)
})

test('100,000 happenings in any order leave a size between the base and the most', () => {
  const random = randomStream(11, 'mtu')
  const mtu = new PathMtu(1472)
  mtu.begin(0)
  let now = 0
  for (let i = 0; i < 100_000; i++) {
    now += random.below(SECOND)
    const size = mtu.probeSize(now)
    if (size > 0) {
      assert.ok(size > mtu.size && size <= 1472, String(size))
      mtu.probeSent(size)
    }
    const any = [size, mtu.size, 1200, 1472, random.below(2000)][random.below(5)]
    switch (random.below(4)) {
      case 0:
        mtu.acknowledged(any, random.below(2) === 0 && any <= 1472, now)
        break
      case 1:
        mtu.probeLost(any, now)
        break
      case 2:
        mtu.lost(any, now)
        break
      default:
        if (random.below(10) === 0) mtu.reported(any, now)
    }
    assert.ok(mtu.size >= 1200 && mtu.size <= 1472, String(mtu.size))
  }
})

test('100,000 answers that were never asked for, and challenges without end: nothing is validated by chance, memory is bounded', () => {
  const random = bytesOf(21)
  const validation = new PathValidation(bytesOf(2))
  let now = 0
  validation.begin(PTO, now)
  for (let i = 0; i < 100_000; i++) {
    now += MS
    if (validation.isChallengeDue) validation.challenge(i % 2 === 0, now)
    const data = random(8)
    assert.equal(validation.answered(data), false)
    validation.challenged(data)
    if (validation.handleTimeout(now)) validation.begin(PTO, now)
  }
  let answers = 0
  while (validation.pollAnswer() !== undefined) answers++
  assert.equal(answers, 4)
  const data = validation.challenge(true, now)
  assert.equal(validation.answered(data.slice(0, 7)), false, 'a part of it is not enough')
  assert.equal(validation.answered(data), true)
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { readPcap } from '../vectors/pcap.ts'
import { tsharkFields, withFile } from '../vectors/tshark.ts'

/** A frame that says nothing: destination, source, a local type, and as many bytes more. */
function frame(length: number): Uint8Array {
  const bytes = new Uint8Array(14 + length)
  bytes[5] = 2
  bytes[11] = 1
  bytes[12] = 0x88
  bytes[13] = 0xb5
  return bytes
}

function capinfos(path: string): string {
  return execFileSync('capinfos', [path], { encoding: 'utf8' })
}

test('tshark finds names, descriptions, nanoseconds, directions and comments as they were given', () => {
  const writer = new PcapngWriter({ application: 'Packetarium', comment: 'a run' })
  const alice = writer.addInterface({ name: 'alice–bob →', description: 'alice eth0 to bob eth0', speed: 10_000_000_000 })
  const bob = writer.addInterface({ name: 'b' })
  writer.addPacket({ interface: alice, time: 1, bytes: frame(0), direction: 'outbound' })
  writer.addPacket({ interface: bob, time: 123_456_789, bytes: frame(1), direction: 'inbound', comment: 'lost: queue full' })
  writer.addPacket({ interface: alice, time: 5_000_000_000_000_007, bytes: frame(2), comment: 'ß ✗ 🂡', originalLength: 1514 })
  writer.addPacket({ interface: bob, time: 2 ** 53 - 1, bytes: frame(3), direction: 'inbound', crcError: true })
  const columns = [
    'frame.interface_name',
    'frame.interface_description',
    'frame.time_epoch',
    'frame.packet_flags_direction',
    'frame.packet_flags_crc_error',
    'frame.comment',
    'frame.cap_len',
    'frame.len',
  ]
  withFile(writer.take(), (path) => {
    assert.deepEqual(tsharkFields(path, columns), [
      ['alice–bob →', 'alice eth0 to bob eth0', '0.000000001', '0x00000002', '0', '', '14', '14'],
      ['b', '', '0.123456789', '0x00000001', '0', 'lost: queue full', '15', '15'],
      ['alice–bob →', 'alice eth0 to bob eth0', '5000000.000000007', '', '', 'ß ✗ 🂡', '16', '1514'],
      ['b', '', '9007199.254740991', '0x00000001', '1', '', '17', '17'],
    ])
    const info = capinfos(path)
    assert.match(info, /File type: +Wireshark\/\.\.\. - pcapng\n/)
    assert.match(info, /Capture application: +Packetarium\n/)
    assert.match(info, /Capture comment: +a run\n/)
    assert.match(info, /Number of packets: +4\n/)
    assert.match(info, /Number of interfaces in file: +2\n/)
    assert.match(info, /Time precision = nanoseconds \(9\)/)
    assert.match(info, /Speed = 10000000000\n/)
  })
})

test('a real capture, written again, is dissected as before', () => {
  const writer = new PcapngWriter()
  const number = writer.addInterface({ name: 'eth0' })
  const frames = readPcap('l2l3.pcap')
  for (const { time, bytes } of frames) writer.addPacket({ interface: number, time: (time - frames[0].time) * 1000, bytes })
  withFile(writer.take(), (path) => {
    const rows = tsharkFields(path, ['frame.time_epoch', 'frame.len', 'frame.protocols'])
    assert.equal(rows.length, frames.length)
    assert.deepEqual(rows[0].slice(1), ['42', 'eth:ethertype:arp'])
    for (const [i, [time, length]] of rows.entries()) {
      assert.equal(Number(length), frames[i].bytes.length)
      const micros = frames[i].time - frames[0].time
      assert.equal(time, `${String(Math.floor(micros / 1e6))}.${String(micros % 1e6).padStart(6, '0')}000`)
    }
  })
})

test('a capture without packets or interfaces opens', () => {
  withFile(new PcapngWriter().take(), (path) => {
    assert.deepEqual(tsharkFields(path, ['frame.number']), [])
    assert.match(capinfos(path), /Number of packets: +0\n/)
  })
})

test('the pieces that are taken, one behind the other, are the file', () => {
  const write = (writer: PcapngWriter, then: () => void): void => {
    const number = writer.addInterface({ name: 'eth0' })
    then()
    for (let i = 0; i < 300; i++) {
      writer.addPacket({ interface: number, time: i, bytes: frame(i * 3) })
      if (i % 7 === 0) then()
    }
    then()
  }
  const pieces: Uint8Array[] = []
  const inPieces = new PcapngWriter()
  write(inPieces, () => pieces.push(inPieces.take()))
  const atOnce = new PcapngWriter()
  write(atOnce, () => undefined)
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(atOnce.take()))
  assert.equal(atOnce.take().length, 0)
})

test('a packet on an interface that was never added is our own mistake', () => {
  const writer = new PcapngWriter()
  assert.throws(() => {
    writer.addPacket({ interface: 0, time: 0, bytes: frame(0) })
  }, RangeError)
})

/** Checks the structure of section 3.1 and 3.5 of the draft, and gives the comments of packets. */
function commentsIn(file: Uint8Array): (string | undefined)[] {
  const bytes = Buffer.from(file)
  const comments: (string | undefined)[] = []
  let at = 0
  while (at < bytes.length) {
    const type = bytes.readUInt32LE(at)
    const length = bytes.readUInt32LE(at + 4)
    assert.equal(length % 4, 0)
    assert.equal(bytes.readUInt32LE(at + length - 4), length)
    if (type === 6) {
      let option = at + 28 + ((bytes.readUInt32LE(at + 20) + 3) & ~3)
      let comment: string | undefined
      while (option < at + length - 4) {
        const [code, size] = [bytes.readUInt16LE(option), bytes.readUInt16LE(option + 2)]
        if (code === 1) comment = bytes.toString('utf8', option + 4, option + 4 + size)
        option += 4 + ((size + 3) & ~3)
      }
      assert.equal(option, at + length - 4)
      comments.push(comment)
    }
    at += length
  }
  assert.equal(at, bytes.length)
  return comments
}

test('any comment and any length of packet keep blocks whole and aligned', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(70), fc.option(fc.string({ unit: 'binary', maxLength: 40 })))), (packets) => {
      const writer = new PcapngWriter()
      const number = writer.addInterface({ name: 'x', description: 'yy' })
      for (const [length, comment] of packets) {
        writer.addPacket({ interface: number, time: length, bytes: frame(length), ...(comment === null ? {} : { comment }) })
      }
      assert.deepEqual(
        commentsIn(writer.take()),
        packets.map(([, comment]) => comment ?? undefined),
      )
    }),
    { seed: 4, numRuns: 300 },
  )
})

test('half a surrogate pair is replaced, and a text beyond 65,535 bytes is cut between characters', () => {
  const writer = new PcapngWriter()
  const number = writer.addInterface({ name: 'x' })
  writer.addPacket({ interface: number, time: 0, bytes: frame(0), comment: 'a\ud800b' })
  writer.addPacket({ interface: number, time: 0, bytes: frame(0), comment: '€'.repeat(30_000) })
  assert.deepEqual(commentsIn(writer.take()), ['a\ufffdb', '€'.repeat(21_845)])
})

test('a Decryption Secrets Block stands where it was added, whole and aligned', () => {
  for (const keyLog of ['', 'CLIENT_RANDOM 00 11\n', 'A b c\nD e f\n', 'x'.repeat(100_001)]) {
    const writer = new PcapngWriter()
    const start = writer.take().length
    writer.addTlsSecrets(keyLog)
    const number = writer.addInterface({ name: 'x' })
    writer.addPacket({ interface: number, time: 0, bytes: frame(0) })
    const bytes = Buffer.from(writer.take())
    const total = bytes.readUInt32LE(4)
    assert.ok(start > 0, 'the section header comes first')
    assert.deepEqual([bytes.readUInt32LE(0), total % 4, bytes.readUInt32LE(total - 4)], [10, 0, total])
    assert.equal(bytes.toString('latin1', 8, 12), 'KSLT')
    assert.equal(bytes.readUInt32LE(12), keyLog.length)
    assert.equal(bytes.toString('latin1', 16, 16 + keyLog.length), keyLog)
    assert.equal(bytes.readUInt32LE(total), 1, 'the next block begins right behind')
  }
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { ArpOperation, ArpPacket, encodeArp } from '../../src/wire/arp.ts'
import { BROADCAST_MAC, readMac } from '../../src/wire/address.ts'
import { encodeEthernet, EthernetHeader, EtherType } from '../../src/wire/ethernet.ts'
import { CrowdLab, MS, SERVER, idle, sender, silence } from './crowd-lab.ts'

const HUB = { mac: 0x0200_0002_0000, address: 0x0a00_00fe }

/** An ARP packet to everybody, or to one station. */
function arp(operation: number, from: { mac: number; address: number }, target: number, to = BROADCAST_MAC): Uint8Array {
  const packet = new ArpPacket()
  packet.operation = operation
  packet.senderMac = from.mac
  packet.senderIp = from.address
  packet.targetIp = target
  const ethernet = new EthernetHeader()
  ethernet.destination = to
  ethernet.source = from.mac
  ethernet.type = EtherType.ARP
  const frame = new Uint8Array(42)
  encodeArp(packet, frame, encodeEthernet(ethernet, frame, 0))
  return frame
}

describe('members of a crowd', () => {
  test('each has a name, a MAC address and an IPv4 address of its own, counted from the first', () => {
    const seen: string[] = []
    const lab = new CrowdLab(
      { replicas: 300 },
      {
        *clients({ environment, sockets }: AppContext): Blocking<void> {
          const socket = yield* sockets.connect({ address: 0x0a81_0001, port: 80 })
          seen.push(environment.name)
          yield* socket.readExactly(1)
        },
        *server({ sockets }: AppContext): Blocking<void> {
          const listener = sockets.listen(80, { backlog: 1000 })
          for (;;) {
            const socket = yield* listener.accept()
            yield* socket.write(Uint8Array.of(1))
          }
        },
      },
      { server: { address: '10.129.0.1/24' } },
    ).end()
    assert.equal(new Set(seen).size, 300)
    assert.ok(seen.includes('clients[0]') && seen.includes('clients[299]'), seen.slice(0, 3).join(' '))
    const [card] = lab.scenario.hosts[0].interfaces
    assert.equal(card.prefix, 20, 'room for all')
    const syns = lab.frames(({ kind, link, direction }) => kind === 'tcp-syn' && link === 0 && direction === 0)
    const ends = new Set(
      syns.map(({ number }) => {
        const frame = lab.director.recorder.bytes(number) as Uint8Array
        const address = new DataView(frame.buffer, frame.byteOffset).getUint32(26)
        assert.equal(readMac(frame, 6) - card.mac, address - card.address, 'both are counted alike')
        return address - card.address
      }),
    )
    assert.deepEqual(
      [...ends].sort((a, b) => a - b),
      Array.from({ length: 300 }, (_, index) => index),
    )
  })

  test('what one does bears its number in the trace, from 1; what concerns no member bears 0', () => {
    const lab = new CrowdLab(
      { trace: 'full' },
      {
        *clients({ environment, sleep }: AppContext): Blocking<void> {
          environment.record('test:said', '', { name: environment.name })
          yield* sleep(MS)
        },
        server: idle,
      },
    ).do({ kill: 'clients[1]' })
    assert.deepEqual(
      lab.events('test:said').map(({ member, host, data }) => [member, host, data['name']]),
      [
        [1, 0, 'clients[0]'],
        [2, 0, 'clients[1]'],
        [3, 0, 'clients[2]'],
      ],
    )
    assert.equal(lab.events('run:host-killed')[0]?.member, 0)
  })

  test('random numbers differ by member, by purpose and by boot, and by nothing else', () => {
    const draw = (replicas: number, restarted: boolean): Map<string, number[]> => {
      const drawn = new Map<string, number[]>()
      const lab = new CrowdLab(
        { replicas },
        {
          *clients({ environment, sleep }: AppContext): Blocking<void> {
            yield* sleep(0)
            const numbers = [
              environment.random('one').uint32(),
              environment.random('two').uint32(),
              environment.random('one').uint32(),
            ]
            drawn.set(environment.name, [...(drawn.get(environment.name) ?? []), ...numbers])
          },
        },
      )
      lab.to(MS)
      if (restarted) lab.do({ restart: 'clients[1]' }).to(2 * MS)
      return drawn
    }
    const few = draw(2, false)
    const many = draw(5, true)
    assert.deepEqual(many.get('clients[0]'), few.get('clients[0]'), 'a larger crowd draws the same')
    assert.deepEqual(many.get('clients[1]')?.slice(0, 3), few.get('clients[1]'))
    const all = [...many.values()].flat()
    assert.equal(new Set(all).size, 18, 'none comes twice')
  })
})

describe('what comes for everybody is heard by those to whom it makes a difference', () => {
  /** Who is handed the frames that `act` leads to, after all have talked to the hub. */
  function hearers(frames: readonly Uint8Array[]): string[][] {
    const lab = new CrowdLab({ replicas: 50 }, { clients: sender(10_000 * MS, 1), server: silence }).to(500 * MS)
    return frames.map((frame) => {
      lab.received.length = 0
      lab.inject(frame).to(lab.director.horizon + 100 * MS)
      return lab.received.filter(({ frame: [first] }) => first === 0xff).map(({ name }) => name)
    })
  }

  test('a request for the address of one member, by a sender known to all: that member alone', () => {
    const request = arp(ArpOperation.REQUEST, HUB, 0x0a00_0008)
    const [first, second] = hearers([request, request])
    assert.equal(first.length, 50, 'who has not been heard before may have to be corrected everywhere')
    assert.deepEqual(second, ['clients[7]'])
  })

  test('an announcement of a new MAC address: everybody, once', () => {
    const moved = { mac: 0x0200_0000_9999, address: HUB.address }
    const before = arp(ArpOperation.REQUEST, HUB, 0x0a00_0001)
    const announcement = arp(ArpOperation.REQUEST, moved, HUB.address)
    const heard = hearers([before, announcement, announcement])
    assert.deepEqual(
      heard.map(({ length }) => length),
      [50, 50, 0],
    )
  })

  test('after one member was told otherwise by unicast: everybody again', () => {
    const request = arp(ArpOperation.REQUEST, HUB, 0x0a00_0003)
    const lie = arp(ArpOperation.REPLY, { mac: 0x0200_0000_6666, address: HUB.address }, 0x0a00_0005, 0x0200_0001_0004)
    const heard = hearers([request, request, lie, request])
    assert.deepEqual(
      heard.map(({ length }) => length),
      [50, 1, 0, 50],
    )
  })

  test('somebody who claims the address of a member: that member notices', () => {
    const lab = new CrowdLab({ replicas: 50 }, { clients: idle })
    const thief = { mac: 0x0200_0000_6666, address: 0x0a00_0006 }
    const claim = arp(ArpOperation.REQUEST, thief, 0x0a00_0063)
    lab
      .to(MS)
      .inject(claim)
      .to(50 * MS)
      .inject(claim)
      .to(100 * MS)
    assert.deepEqual(
      lab.events('arp:conflict-detected').map(({ member }) => member),
      [6, 6],
    )
  })

  test('whoever waits for the sender to answer hears the sender ask for somebody else', () => {
    const lab = new CrowdLab(
      { replicas: 20 },
      {
        *clients({ environment, sockets, sleep }: AppContext): Blocking<void> {
          yield* sleep(100 * MS)
          if (environment.name.endsWith('7]')) sockets.udp().sendTo({ address: SERVER, port: 9 }, Uint8Array.of(1))
        },
      },
    )
    const request = arp(ArpOperation.REQUEST, HUB, 0x0a00_0002)
    lab.inject(request).to(100.5 * MS)
    lab.received.length = 0
    // Before the answers can be there.
    lab.inject(request).to(101.6 * MS)
    assert.deepEqual(
      lab.received.map(({ name }) => name),
      ['clients[1]', 'clients[7]', 'clients[17]'],
    )
    lab.to(150 * MS)
    lab.received.length = 0
    lab.inject(request).to(200 * MS)
    assert.deepEqual(
      lab.received.map(({ name }) => name),
      ['clients[1]'],
    )
  })

  test('anything that is no ARP packet, or a broken one: everybody', () => {
    const other = arp(ArpOperation.REQUEST, HUB, 0x0a00_0002)
    other[12] = 0x88
    const broken = arp(ArpOperation.REQUEST, HUB, 0x0a00_0002)
    broken[18] = 7
    assert.deepEqual(
      hearers([other, broken, other.slice(0, 20)]).map(({ length }) => length),
      [50, 50, 50],
    )
  })

  test('N members asked for once each cost N receptions, not N²', () => {
    const lab = new CrowdLab({ replicas: 200 }, { clients: sender(10_000 * MS, 1), server: silence }).to(500 * MS)
    lab.inject(arp(ArpOperation.REQUEST, HUB, 0x0a00_0001)).to(600 * MS)
    lab.received.length = 0
    for (let member = 0; member < 200; member++) lab.inject(arp(ArpOperation.REQUEST, HUB, 0x0a00_0001 + member))
    lab.to(1000 * MS)
    assert.equal(lab.received.length, 200)
    assert.equal(new Set(lab.received.map(({ name }) => name)).size, 200)
  })
})

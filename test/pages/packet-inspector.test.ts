import '../../components/packet-inspector/define.ts'
import type { PacketInspector } from '../../components/packet-inspector/packet-inspector.ts'
import { Selection } from '../../components/selection.ts'
import { equal, match, ok, same } from './assert.ts'
import { assertAccessible } from './axe.ts'
import { inside, insideAll, mount, press, settled, unmount, until, words } from './mount.ts'
import { MS, ScriptedRun } from './scripted-run.ts'

async function opened(
  frame: number,
  time: number,
): Promise<{ element: PacketInspector; run: ScriptedRun; selection: Selection }> {
  const run = new ScriptedRun()
  const selection = new Selection()
  const element = await mount('packet-inspector', { run, selection })
  run.goTo(time)
  selection.select({ kind: 'frame', number: frame })
  await until(() => insideAll(element, 'details').length > 0, 'the layers')
  await settled(inside(element, 'packet-hex'))
  return { element, run, selection }
}

/** The offsets of bytes that are highlighted. */
function lit(element: PacketInspector): number[] {
  const bytes = insideAll(inside(element, 'packet-hex'), 'i')
  return bytes.flatMap((byte, offset) => (byte.classList.contains('lit') ? [offset] : []))
}

describe('<packet-inspector>', () => {
  afterEach(unmount)

  it('is accessible, empty and with a packet', async () => {
    await assertAccessible(await mount('packet-inspector', { run: new ScriptedRun() }))
    const { element } = await opened(3, 50 * MS)
    await assertAccessible(element)
  })

  it('tells what the packet is and what became of it', async () => {
    const { element, run, selection } = await opened(6, 65 * MS)
    match(words(inside(element, '.head')), /#6 Data bob → alice on the way/)
    run.goTo(80 * MS)
    await settled(element)
    match(words(inside(element, '.head')), /lost: random loss on the link/)
    match(words(inside(element, '.times')), /1514 bytes sent 62\.000 ms lost 74\.000 ms/)
    selection.select({ kind: 'frame', number: 1 })
    await settled(element)
    match(words(inside(element, '.head')), /#1 SYN alice → bob arrived/)
  })

  it('tells why it was sent, link by link, and goes there', async () => {
    const { element, selection } = await opened(3, 50 * MS)
    same(insideAll(element, '.causes button').map(words), ['#2 SYN', '#1 SYN', 'alice: Starts to load http://bob/'])
    insideAll(element, '.causes button')[0].click()
    same(selection.target, { kind: 'frame', number: 2 })
  })

  it('shows layers with their fields, and what is wrong with one', async () => {
    const { element } = await opened(3, 50 * MS)
    same(insideAll(element, 'summary b').map(words), ['Ethernet', 'Internet Protocol version 4', 'Transmission Control Protocol'])
    match(words(insideAll(element, '.problem')[0]), /checksum should be 0x1c46/)
    ok(insideAll(element, '.field[title="tcp.flags.ack"]').length === 1, 'no nested field')
  })

  it('a field that is pointed at lights up its bytes', async () => {
    const { element } = await opened(3, 50 * MS)
    const field = inside(element, '.field[title="tcp.seq"]')
    field.dispatchEvent(new PointerEvent('pointerenter'))
    await settled(element)
    same(lit(element), [38, 39, 40, 41])
    field.dispatchEvent(new PointerEvent('pointerleave'))
    await settled(element)
    same(lit(element), [])
    field.focus()
    await settled(element)
    same(lit(element), [38, 39, 40, 41], 'by keyboard')
  })

  it('a byte that is pointed at lights up its innermost field', async () => {
    const { element } = await opened(3, 50 * MS)
    const hex = inside(element, 'packet-hex')
    insideAll(hex, 'i')[47].dispatchEvent(new PointerEvent('pointerover', { bubbles: true, composed: true }))
    await settled(element)
    equal(inside(element, '.field.lit').title, 'tcp.flags.ack')
    insideAll(hex, 'i')[46].dispatchEvent(new PointerEvent('pointerover', { bubbles: true, composed: true }))
    await settled(element)
    equal(inside(element, '.field.lit').title, 'tcp.flags')
  })

  it('the arrow keys walk over the bytes', async () => {
    const { element } = await opened(3, 50 * MS)
    const hex = inside(element, 'packet-hex')
    const dump = inside(hex, '.dump')
    press(dump, 'ArrowRight')
    for (let row = 0; row < 12; row++) press(dump, 'ArrowRight')
    await settled(element)
    equal(inside(element, '.field.lit').title, 'eth.type')
    equal(
      insideAll(hex, 'i').findIndex((byte) => byte.classList.contains('caret')),
      12,
    )
  })

  it('shows every byte, in hexadecimal and as text', async () => {
    const { element } = await opened(3, 50 * MS)
    const hex = inside(element, 'packet-hex')
    equal(insideAll(hex, 'i').length, 140)
    equal(words(insideAll(hex, 'i')[65]), '41')
    equal(words(insideAll(hex, 'b')[65]), 'A')
  })

  it('draws the layers as envelopes in envelopes, as wide as their bytes', async () => {
    const { element } = await opened(3, 50 * MS)
    const drawing = inside(element, '.drawing')
    match(drawing.getAttribute('aria-label') ?? '', /^A frame of 140 bytes, from the outside in: Ethernet 14, IPv4 20, TCP 32\.$/)
    const [ethernet, ip, tcp] = insideAll(element, '.drawing .box')
    ok(ethernet.contains(ip) && ip.contains(tcp), 'one in the other')
    const { left, width } = drawing.getBoundingClientRect()
    const near = (found: number, expected: number, what: string): void => {
      ok(Math.abs(found - expected) < 3, `${what}: ${String(found)}, not ${String(expected)}`)
    }
    for (const [box, start, end] of [
      [ethernet, 0, 140],
      [ip, 14, 66],
      [tcp, 34, 66],
    ] as const) {
      near(box.getBoundingClientRect().left, left + (width * start) / 140, `from byte ${String(start)}`)
      near(box.getBoundingClientRect().right, left + (width * end) / 140, `to byte ${String(end)}`)
    }
    near(inside(element, '.drawing .box .box .own').getBoundingClientRect().width, (width * 20) / 140, 'header of IPv4')
  })

  it('a layer’s envelope lights up its own bytes', async () => {
    const { element } = await opened(3, 50 * MS)
    const keys = insideAll(element, '.key')
    same(keys.map(words), ['Ethernet 14', 'IPv4 20', 'TCP 32'])
    keys[1].dispatchEvent(new PointerEvent('pointerenter'))
    await settled(element)
    same([lit(element)[0], lit(element).at(-1), lit(element).length], [14, 33, 20])
    equal(insideAll(element, '.drawing .box.lit').length, 1)
    keys[1].dispatchEvent(new PointerEvent('pointerleave'))
    await settled(element)
    same(lit(element), [])
  })

  it('decrypted bytes have a dump of their own, and their fields light up there', async () => {
    const { element, run, selection } = await opened(3, 50 * MS)
    equal(insideAll(element, '[part="views"]').length, 0, 'nothing to choose from')
    run.views = [
      {
        title: 'Decrypted TLS',
        bytes: new TextEncoder().encode('GET / HTTP/1.1'),
        layers: [
          {
            protocol: 'http',
            title: 'Hypertext Transfer Protocol',
            summary: 'GET /',
            start: 0,
            end: 14,
            fields: [{ name: 'http.request.method', label: 'Method', value: 'GET', start: 0, end: 3 }],
          },
        ],
      },
    ]
    selection.select({ kind: 'frame', number: 2 })
    await until(() => insideAll(element, '[part="views"]').length > 0, 'the choice')
    const hex = inside(element, 'packet-hex')
    same(insideAll(element, '[part="views"] label').map(words), ['Frame, 66 bytes', 'Decrypted TLS, 14 bytes'])
    equal(words(inside(element, 'h3')), 'Decrypted TLS, 14 bytes')
    await settled(hex)
    equal(insideAll(hex, 'i').length, 66, 'the frame is shown first')
    inside(element, '.field[title="http.request.method"]').dispatchEvent(new PointerEvent('pointerenter'))
    await settled(element)
    await settled(hex)
    equal(insideAll(hex, 'i').length, 14)
    same(lit(element), [0, 1, 2])
    ok(inside(element, '[part="views"] label:nth-child(2) input').matches(':checked'), 'the other is chosen')
    insideAll(hex, 'i')[1].dispatchEvent(new PointerEvent('pointerover', { bubbles: true, composed: true }))
    await settled(element)
    equal(inside(element, '.field.lit').title, 'http.request.method')
    await assertAccessible(element)
    inside(element, '[part="views"] label:nth-child(1) input').click()
    await settled(element)
    await settled(hex)
    equal(insideAll(hex, 'i').length, 66)
    selection.select({ kind: 'frame', number: 1 })
    await settled(element)
  })

  it('says when a packet is not there', async () => {
    const selection = new Selection()
    const element = await mount('packet-inspector', { run: new ScriptedRun(), selection })
    selection.select({ kind: 'frame', number: 400 })
    await settled(element)
    match(words(inside(element, '.empty')), /#400 is not in this run/)
  })
})

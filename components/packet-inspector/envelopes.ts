import { css, html, type TemplateResult } from 'lit'
import { classMap } from 'lit/directives/class-map.js'
import { styleMap } from 'lit/directives/style-map.js'
import type { Field, Layer } from '../../src/wire/field.ts'

/*
 * A frame drawn as what it is: an envelope in an envelope. Each layer is a box from its first byte to the last byte of what it carries,
 * inside the box of the layer that carries it; all widths are bytes. The shaded left end of a box is the layer's own header.
 */

/** One layer's box. */
interface Envelope {
  readonly layer: Layer
  /** What people call it: `'TCP'`. */
  readonly name: string
  /** One past the last byte of what it carries. */
  readonly end: number
  /** Its own bytes, as a field that can be pointed at. */
  readonly header: Field
}

const NAMES: Readonly<Record<string, string>> = {
  ethernet: 'Ethernet',
  arp: 'ARP',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
  udp: 'UDP',
  tcp: 'TCP',
  http: 'HTTP',
  http2: 'HTTP/2',
  tls: 'TLS',
}

function bytesOf(number: number): string {
  return `${String(number)} ${number === 1 ? 'byte' : 'bytes'}`
}

/**
 * The layers of a frame as boxes, from the outside in.
 * @param length of the frame; its link pads short ones, so it may reach behind the last layer
 */
function envelopesOf(layers: readonly Layer[], length: number): Envelope[] {
  return layers.map((layer, index) => {
    const { start, end, title, protocol } = layer
    const carried = index === 0 ? length : Math.max(...layers.slice(index).map((inner) => inner.end))
    const header = { name: `${protocol}.header`, label: title, value: bytesOf(end - start), start, end }
    return { layer, name: NAMES[protocol] ?? title, end: carried, header }
  })
}

/** Shades of headers, the outermost first, in per cent of the accent. */
const SHADES = [24, 40, 56, 74, 92]

function shade(index: number): string {
  return `color-mix(in oklab, var(--pk-accent) ${String(SHADES[Math.min(index, SHADES.length - 1)])}%, var(--pk-surface))`
}

/** What a screen reader says of the drawing. */
function inWords(envelopes: readonly Envelope[], length: number): string {
  const parts = envelopes.map(({ name, header }) => `${name} ${String(header.end - header.start)}`)
  return `A frame of ${bytesOf(length)}, from the outside in: ${parts.join(', ')}.`
}

/**
 * The drawing, and under it who is who.
 * @param lit the field that is pointed at
 * @param point is told a layer's header, or undefined when the pointer leaves
 */
export function envelopeDrawing(
  layers: readonly Layer[],
  length: number,
  lit: Field | undefined,
  point: (header: Field | undefined) => void,
): TemplateResult {
  const envelopes = envelopesOf(layers, length)
  const per = (bytes: number): string => `${String((100 * bytes) / length)}%`
  const isLit = ({ header }: Envelope): boolean => lit?.name === header.name && lit.start === header.start
  const box = (index: number, from: number, width: number): TemplateResult => {
    const envelope = envelopes[index]
    const { header, end } = envelope
    const inside = (bytes: number): string => `${String((100 * bytes) / Math.max(width, 1))}%`
    const place = { left: inside(header.start - from), width: inside(end - header.start) }
    const own = {
      width: `${String((100 * (header.end - header.start)) / Math.max(end - header.start, 1))}%`,
      background: shade(index),
    }
    return html`<div class=${classMap({ box: true, lit: isLit(envelope) })} style=${styleMap(place)}>
      <span class="own" style=${styleMap(own)}></span>
      ${index + 1 < envelopes.length ? box(index + 1, header.start, end - header.start) : ''}
    </div>`
  }
  return html`<figure class="envelopes" part="envelopes">
    <div
      class="drawing"
      role="img"
      aria-label=${inWords(envelopes, length)}
      style=${styleMap({ '--depth': String(envelopes.length) })}
    >
      ${envelopes.length === 0 ? '' : box(0, 0, length)}
    </div>
    <figcaption>
      ${envelopes.map(
        (envelope, index) =>
          html`<button
            class=${classMap({ key: true, lit: isLit(envelope) })}
            title=${`${envelope.layer.title}: ${envelope.header.value} of its own, ${per(envelope.header.end - envelope.header.start).replace(/\.\d+/, '')} of the frame`}
            @pointerenter=${() => {
              point(envelope.header)
            }}
            @pointerleave=${() => {
              point(undefined)
            }}
            @focus=${() => {
              point(envelope.header)
            }}
            @click=${() => {
              point(envelope.header)
            }}
          >
            <i style=${styleMap({ background: shade(index) })}></i>${envelope.name}
            <b>${envelope.header.end - envelope.header.start}</b>
          </button>`,
      )}
    </figcaption>
  </figure>`
}

export const envelopeStyles = css`
  .envelopes {
    margin: 0 0 calc(var(--pk-space) * 2);
  }
  .drawing {
    position: relative;
    height: calc((8px + 8px * var(--depth)) * var(--pk-scale));
  }
  .drawing .box {
    position: absolute;
    inset-block: 0;
    box-sizing: border-box;
    min-width: 3px;
    border: 1px solid var(--pk-line-strong);
    border-radius: 3px;
    background: var(--pk-surface);
  }
  .drawing .box .box {
    inset-block: calc(3px * var(--pk-scale));
    border-right-width: 0;
    border-start-end-radius: 0;
    border-end-end-radius: 0;
  }
  .drawing .own {
    position: absolute;
    inset-block: 0;
    left: 0;
    min-width: 2px;
    border-radius: 2px 0 0 2px;
  }
  .drawing .box.lit {
    border-color: var(--pk-accent);
    box-shadow: 0 0 0 1px var(--pk-accent);
  }
  .envelopes figcaption {
    display: flex;
    flex-wrap: wrap;
    margin-top: calc(var(--pk-space) * 0.5);
  }
  button.key {
    gap: 0.4em;
    min-height: 0;
    padding: 1px calc(var(--pk-space) * 1.5);
    border: 0;
    border-radius: 4px;
    background: none;
    color: var(--pk-muted);
    font-size: var(--pk-size-tiny);
    cursor: default;
  }
  button.key b {
    color: var(--pk-text);
    font-weight: 500;
  }
  button.key.lit,
  button.key:hover:not(:disabled) {
    background: var(--pk-accent-soft);
  }
  button.key i {
    width: 0.8em;
    height: 0.8em;
    border: 1px solid var(--pk-line-strong);
    border-radius: 2px;
  }
  @media (pointer: coarse) {
    button.key {
      min-height: 32px;
    }
  }
`

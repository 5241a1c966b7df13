// Draws the pictures of the shop: Fluent emoji on calm backdrops, each an SVG that
// needs no other file. Shadows are gradients, since blurring is slow on many cards.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const emojis = 'node_modules/@lobehub/fluent-emoji-3d/assets'

// Of each palette: the wall from top to bottom, the floor from back to front, what is
// pale behind the object, a plinth's top, its sides from light to dark, and shadows.
const palettes = {
  sand: { wall: ['#faf0df', '#f0dcbb'], floor: ['#e6cba0', '#f0dcbb'], pale: '#fffaf0', top: '#fdf5e6', side: ['#f8e6c6', '#d8b480'], shade: '#7a5626' },
  sky: { wall: ['#e4f1fc', '#c3def5'], floor: ['#a5caeb', '#c6dff5'], pale: '#f6fbff', top: '#f1f8ff', side: ['#d3e7f8', '#8db6dc'], shade: '#1f4f80' },
  rose: { wall: ['#fdeaea', '#f8cfd3'], floor: ['#efb4bb', '#f8d0d4'], pale: '#fff8f7', top: '#fff3f2', side: ['#fadadc', '#dd9aa4'], shade: '#8a3346' },
  mint: { wall: ['#e2f5ea', '#bfe4d0'], floor: ['#9fd2b8', '#c2e6d3'], pale: '#f5fdf8', top: '#effaf3', side: ['#cfecdb', '#84bfa1'], shade: '#1c5f45' },
  lilac: { wall: ['#f0eafb', '#d9cdf3'], floor: ['#c0afe6', '#dacff3'], pale: '#fcfaff', top: '#f8f4ff', side: ['#e3d9f7', '#a893d8'], shade: '#48308a' },
}

// Nearly every emoji reaches down to row 240 of its 256; these end higher up and would
// hover without being moved down.
const feet = { '1f453': 168, '1f576-fe0f': 169, '1f50a': 218, '1f958': 221 }

const n = (x) => +x.toFixed(1)

const stops = (...colours) => colours.map((c, i) => `<stop offset="${n(i / (colours.length - 1))}" stop-color="${c}"/>`).join('')

// f is the floor's gradient.
const ids = 'abcdeghijk'

const sides = (p, id) => `<linearGradient id="${id}">${stops(...p.side)}</linearGradient>`

function svg(p, width, images, shapes, more = []) {
  const defs = [
    `<linearGradient id="w" x2="0" y2="1">${stops(...p.wall)}</linearGradient>`,
    `<linearGradient id="f" x2="0" y2="1">${stops(...p.floor)}</linearGradient>`,
    sides(p, 'p'),
    `<radialGradient id="s"><stop offset=".2" stop-color="${p.shade}" stop-opacity=".5"/><stop offset=".6" stop-color="${p.shade}" stop-opacity=".18"/><stop offset="1" stop-color="${p.shade}" stop-opacity="0"/></radialGradient>`,
    ...images.map((image, i) => `<image id="${ids[i]}" width="256" height="256"${image}/>`),
    ...more,
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="640" viewBox="0 0 ${width} 640"><defs>${defs.join('')}</defs><path fill="url(#w)" d="M0 0h${width}v640H0z"/>${shapes.join('')}</svg>\n`
}

const floor = (y, width = 640) => `<path fill="url(#f)" d="M0 ${y}h${width}v${640 - y}H0z"/>`
const disc = (x, y, r, colour) => `<circle cx="${x}" cy="${y}" r="${r}" fill="${colour}" fill-opacity=".75"/>`
const arch = (x, y, r, foot, colour) => `<path fill="${colour}" fill-opacity=".75" d="M${x - r} ${foot}V${y}a${r} ${r} 0 0 1 ${2 * r} 0V${foot}z"/>`
const shadow = (x, y, rx, ry) => `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="url(#s)"/>`

function plinth(p, x, y, rx, height, fill = 'p') {
  const ry = n(rx * 0.2)
  return (
    shadow(x + rx * 0.12, y + height, rx * 1.3, ry * 1.35) +
    `<path fill="url(#${fill})" d="M${x - rx} ${y}v${height}a${rx} ${ry} 0 0 0 ${2 * rx} 0v${-height}z"/>` +
    `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${p.top}"/>`
  )
}

function object(id, x, foot, size, { turn = 0, faint = 1 } = {}) {
  const scale = +(size / 256).toFixed(3)
  const place = `translate(${n(x - size / 2)} ${n(foot - (size * 240) / 256)})${turn ? ` rotate(${turn} ${n(size / 2)} ${n(size / 2)})` : ''} scale(${scale})`
  return `<use href="#${id}" transform="${place}"${faint < 1 ? ` opacity="${faint}"` : ''}/>`
}

const standing = (id, x, foot, size, options) => shadow(x + size * 0.04, foot - size * 0.02, size * 0.48, size * 0.085) + object(id, x, foot, size, options)

const views = {
  1: (p) => [arch(320, 275, 215, 470, p.pale), floor(470), plinth(p, 320, 506, 224, 54), standing('a', 320, 522, 380)],
  2: (p) => [
    disc(420, 245, 235, p.pale),
    floor(440),
    plinth(p, 512, 372, 108, 130),
    standing('a', 512, 383, 186, { faint: 0.75 }),
    shadow(252, 568, 200, 32),
    object('a', 240, 544, 400, { turn: -8 }),
  ],
  3: (p) => [
    disc(320, 300, 260, p.pale),
    floor(430),
    plinth(p, 126, 340, 102, 130),
    plinth(p, 514, 340, 102, 130),
    standing('a', 126, 349, 194),
    standing('a', 514, 349, 194),
    plinth(p, 320, 516, 164, 54),
    standing('a', 320, 530, 284),
  ],
}

const category = (p) => [
  arch(320, 290, 230, 450, p.pale),
  floor(450),
  plinth(p, 124, 344, 112, 130),
  standing('b', 124, 354, 226),
  plinth(p, 516, 344, 112, 130),
  standing('c', 516, 354, 226),
  plinth(p, 320, 530, 190, 54),
  standing('a', 320, 544, 336),
]

// Pages cut the hero's sides off on narrow screens: what matters most is in the middle.
const hero = ({ sand, sky, rose, mint, lilac }) => [
  arch(600, 290, 235, 430, sand.pale),
  arch(176, 290, 118, 430, sand.pale),
  arch(1024, 290, 118, 430, sand.pale),
  floor(430, 1200),
  plinth(sky, 118, 340, 100, 150, 'sky'),
  standing('d', 118, 350, 196),
  plinth(lilac, 1082, 340, 100, 150, 'lilac'),
  standing('e', 1082, 350, 196),
  plinth(sand, 600, 340, 146, 190),
  standing('a', 600, 354, 290),
  plinth(mint, 346, 420, 116, 100, 'mint'),
  standing('b', 346, 431, 220),
  plinth(rose, 854, 420, 116, 100, 'rose'),
  standing('c', 854, 431, 220),
  standing('g', 206, 572, 172),
  standing('h', 994, 572, 172),
  standing('i', 436, 604, 164),
  standing('j', 764, 604, 164),
  standing('k', 600, 600, 176),
]

// makePictures draws into dir what the kinds of the catalog call for.
export async function makePictures(dir, catalog = '../../cmd/eshop/demo/kinds.json') {
  const categories = JSON.parse(await readFile(catalog, 'utf8'))
  const images = new Map()
  async function image({ slug, emoji }) {
    if (!images.has(emoji)) {
      const body = await readFile(join(emojis, `${emoji}.webp`)).catch(() => {
        throw new Error(`the kind or category ${slug} wants the emoji ${emoji}, which Fluent Emoji does not have`)
      })
      const down = feet[emoji] ? ` y="${240 - feet[emoji]}"` : ''
      images.set(emoji, `${down} href="data:image/webp;base64,${body.toString('base64')}"`)
    }
    return images.get(emoji)
  }
  const write = (name, text) => writeFile(join(dir, `${name}.svg`), text)

  const names = Object.keys(palettes)
  for (const [i, c] of categories.entries()) {
    for (const kind of c.kinds) {
      const own = [await image(kind)]
      await Promise.all(
        Object.entries(palettes).flatMap(([name, p]) =>
          Object.entries(views).map(([view, draw]) => write(`${kind.slug}-${name}-${view}`, svg(p, 640, own, draw(p)))),
        ),
      )
    }
    const others = c.kinds.filter((kind) => kind.emoji !== c.emoji)
    const p = palettes[names[i % names.length]]
    await write(`category-${c.slug}`, svg(p, 640, await Promise.all([c, ...others.slice(0, 2)].map(image)), category(p)))
  }
  const shown = categories
    .flatMap((c) => c.kinds.map((kind, rank) => ({ kind, rank })))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, 10)
    .map(({ kind }) => image(kind))
  const more = names.map((name) => sides(palettes[name], name))
  await write('hero', svg(palettes.sand, 1200, await Promise.all(shown), hero(palettes), more))
}

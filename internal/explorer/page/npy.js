// Files of NumPy's .npy format, version 1: float32, little endian, in C order.

// write returns the bytes of an array of rows.
export function write(values, columns) {
  const rows = values.length / columns;
  let text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  text += " ".repeat((64 - ((10 + text.length + 1) % 64)) % 64) + "\n";
  const out = new Uint8Array(10 + text.length + 4 * values.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]);
  for (let i = 0; i < text.length; i++) out[10 + i] = text.charCodeAt(i);
  const view = new DataView(out.buffer, 10 + text.length);
  values.forEach((v, i) => view.setFloat32(4 * i, v, true));
  return out;
}

// read returns the numbers of a file that the server wrote.
export function read(buffer) {
  const view = new DataView(buffer);
  const start = 10 + view.getUint16(8, true);
  const out = new Float32Array((buffer.byteLength - start) / 4);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(start + 4 * i, true);
  return out;
}

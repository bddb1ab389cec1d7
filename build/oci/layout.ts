import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A blob of an image, by the OCI Image Format Specification 1.1 (descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Image {
  /** Gzipped tar, on disk: it is moved into the layout. */
  readonly layer: { readonly file: string; readonly digest: string; readonly size: number; readonly diffId: string };
  /** The fields of the image's configuration (config.md) but `rootfs`. */
  readonly config: object;
  /** The name of the image in the layout, such as `0.1.0`. */
  readonly tag: string;
}

/** Writes an image as an OCI image layout (image-layout.md) into an empty directory. */
export async function writeLayout(directory: string, { layer, config, tag }: Image): Promise<void> {
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  await rename(layer.file, blobFile(directory, layer.digest));
  const configBlob = await writeBlob(directory, 'application/vnd.oci.image.config.v1+json', {
    ...config,
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  });
  const manifest = await writeBlob(directory, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: configBlob,
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: layer.digest, size: layer.size }],
  });
  await writeFile(
    join(directory, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } }],
    }),
  );
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

async function writeBlob(directory: string, mediaType: string, content: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await writeFile(blobFile(directory, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

function blobFile(directory: string, digest: string): string {
  return join(directory, 'blobs/sha256', digest.slice('sha256:'.length));
}

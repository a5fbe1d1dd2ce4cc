//! Reduces a PNG to 256 colors. A web page has few colors, and the edges of its letters look the
//! same with fewer shades. The file is half as large.

use std::error::Error;
use std::io::Cursor;

use color_quant::NeuQuant;
use png::{ColorType, Compression, Decoder, Encoder, Filter, Transformations};

/// Returns the picture in 256 colors.
///
/// # Errors
///
/// If the input is not a PNG.
pub(crate) fn reduce_colors(png: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut decoder = Decoder::new(Cursor::new(png));
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let mut rgba = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let frame = reader.next_frame(&mut rgba)?;
    let colors = NeuQuant::new(1, 256, &rgba);
    let indices: Vec<u8> = rgba.chunks_exact(4).map(|it| colors.index_of(it) as u8).collect();

    let mut reduced = Vec::new();
    let mut encoder = Encoder::new(&mut reduced, frame.width, frame.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_palette(colors.color_map_rgb());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter); // filters help only where neighbouring values are similar
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(reduced)
}

//! PNG in 256 colors: a page has few, and the shades between letter and ground look the same in
//! fewer. The file is half as large.

use std::error::Error;
use std::io::Cursor;

use color_quant::NeuQuant;
use png::{ColorType, Compression, Decoder, Encoder, Filter, Transformations};

/// The picture in 256 colors.
///
/// # Errors
///
/// When it is no PNG.
pub(crate) fn smaller(png: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut decoder = Decoder::new(Cursor::new(png));
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let mut rgba = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let frame = reader.next_frame(&mut rgba)?;
    let colors = NeuQuant::new(1, 256, &rgba);
    let indices: Vec<u8> = rgba.chunks_exact(4).map(|it| colors.index_of(it) as u8).collect();

    let mut smaller = Vec::new();
    let mut encoder = Encoder::new(&mut smaller, frame.width, frame.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_palette(colors.color_map_rgb());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter); // neighbouring indices say nothing about one another
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(smaller)
}

//! `MediaImage` in the graph: the pictures of a product.

use super::product::Product;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// A picture of a product.
#[derive(Clone, Copy)]
pub struct MediaNode<'c> {
    /// Its product.
    pub product: &'c Product,
    /// Its number within the product, from one.
    pub number: u8,
}

impl<'c> MediaNode<'c> {
    /// The number of its gid.
    pub fn id(&self) -> i64 {
        (self.product.id ^ 0x4000_0000_0000) + i64::from(self.number) * 7
    }

    /// The same picture has another number as an image than as media.
    pub fn image_id(&self) -> i64 {
        self.id() + 5_000_000_000_000
    }

    /// Where the picture is.
    pub fn url(&self) -> String {
        format!(
            "https://cdn.shopify.com/s/files/1/{}-{}.jpg?v={}",
            self.product.handle, self.number, self.product.created_at
        )
    }

    /// Its description; the first picture of a product has one.
    pub fn alt(&self) -> Option<&'c str> {
        (self.number == 1).then_some(&*self.product.title)
    }

    fn image(&self) -> Leaf<'c> {
        Fields::leaf(
            "Image",
            vec![
                ("url", Leaf::Text(self.url())),
                ("width", Leaf::Int(1_200)),
                ("height", Leaf::Int(1_600)),
                ("altText", self.alt().map_or(Leaf::Null, Leaf::Str)),
            ],
        )
    }
}

impl Object for MediaNode<'_> {
    fn type_name(&self) -> &'static str {
        "MediaImage"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "id" => Value::Gid("MediaImage", self.id()),
            "alt" => Value::opt_str(self.alt()),
            "mediaContentType" => Value::Str("IMAGE"),
            "mimeType" => Value::Str("image/jpeg"),
            "status" => Value::Str("READY"),
            "createdAt" | "updatedAt" => Value::Time(self.product.created_at),
            "preview" => Fields::value(
                "MediaPreviewImage",
                vec![("image", self.image()), ("status", Leaf::Str("READY"))],
            ),
            "image" => match self.image() {
                Leaf::Fields(fields) => Value::Object(fields),
                _ => Value::Null,
            },
            _ => return Err(FieldError::unresolved("MediaImage", name)),
        })
    }
}

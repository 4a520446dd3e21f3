//! `MediaImage` in the graph: the pictures of a product.

use super::product::Product;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// A picture, counted from one.
#[derive(Clone, Copy)]
pub struct MediaNode<'c> {
    /// Its product.
    pub product: &'c Product,
    /// Counted from one.
    pub position: i64,
}

impl<'c> MediaNode<'c> {
    /// Where the picture is.
    pub fn url(&self) -> String {
        format!(
            "https://cdn.shopify.com/s/files/1/{}-{}.jpg?v={}",
            self.product.handle, self.position, self.product.created_at
        )
    }

    /// Its description; the first picture of a product has one.
    pub fn alt(&self) -> Option<&'c str> {
        (self.position == 1).then_some(&*self.product.title)
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
            "id" => Value::Gid("MediaImage", self.product.picture_id(self.position)),
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

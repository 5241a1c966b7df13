-- Whether the shopper was told to wait for what the payment gateway says. Servers of
-- before do not tell, and free the key of an order that is not paid.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS payment_awaited boolean NOT NULL DEFAULT false;

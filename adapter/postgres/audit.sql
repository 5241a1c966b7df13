-- Each statement finds what breaks a rule, as an id and what is to be said of it. All see the same moment.

-- stock: what is in stock is the sum of its movements
SELECT f.id, format('%s are in stock, and its movements add up to %s', f.stock, coalesce(m.sum, 0))
FROM product_facts f LEFT JOIN (SELECT product_id, sum(delta) FROM stock_movements GROUP BY product_id) m ON m.product_id = f.id
WHERE f.stock <> coalesce(m.sum, 0);

-- sums: an order adds up
SELECT o.id, format('subtotal %s, lines %s, total %s', o.subtotal, l.sum, o.total)
FROM orders o LEFT JOIN (
	SELECT order_number, sum(line_total), bool_and(line_total = unit_price * quantity) AS right FROM order_lines GROUP BY order_number) l ON l.order_number = o.number
WHERE o.subtotal <> coalesce(l.sum, 0) OR l.right IS DISTINCT FROM true OR o.total <> o.subtotal + o.shipping + o.tax - o.discount;

-- number: who has paid has a number
SELECT o.id, format('it is %s and has no number', o.status) FROM orders o WHERE o.number < 0 AND o.status NOT IN ('pending', 'cancelled');

-- paid: who has the goods has paid for them
SELECT o.id, format('it is %s, and %s was taken of %s', o.status, coalesce(c.amount, 0), o.total)
FROM orders o LEFT JOIN demo_charges c ON c.order_id = o.id AND c.verdict = 'charged'
WHERE o.status IN ('paid', 'shipped', 'delivered', 'refunding') AND (c.amount, c.currency) IS DISTINCT FROM (o.total, o.currency) AND o.id <> ALL ($1);

-- charge: whose money was taken has an order for it
SELECT c.order_id, format('%s was taken, and the order is %s', c.amount, coalesce(o.status, 'not there'))
FROM demo_charges c LEFT JOIN orders o ON o.id = c.order_id
WHERE c.verdict = 'charged' AND (o.id IS NULL OR o.status IN ('cancelled', 'refunded'));

-- conversation: a conversation has every message once
SELECT c.id, format('its last message is number %s, and it has %s', c.last, m.n)
FROM conversations c CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(max(seq), 0) AS most FROM messages WHERE conversation = c.id) m
WHERE c.moved_to IS NULL AND (c.last, c.last) <> (m.n, m.most) OR c.moved_to IS NOT NULL AND m.n > 0;

-- popularity: the order of the most sold is that of what was sold
SELECT f.id, format('%s were sold, and it is ranked by %s', f.sold, p.sold)
FROM product_facts f LEFT JOIN product_popularity p USING (id)
WHERE (p.sold, p.category, p.kind) IS DISTINCT FROM (f.sold, f.category, f.kind);

-- count: as many products are counted as there are
SELECT concat_ws('/', category, kind, band, in_stock), format('%s are counted, and there are %s', coalesce(c.n, 0), coalesce(f.n, 0))
FROM (SELECT category, kind, band, in_stock, count(*) AS n FROM product_facts GROUP BY category, kind, band, in_stock) f
FULL JOIN (SELECT category, kind, band, in_stock, n FROM product_counts WHERE n <> 0) c USING (category, kind, band, in_stock)
WHERE coalesce(c.n, 0) <> coalesce(f.n, 0);

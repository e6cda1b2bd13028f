import { graphql } from "./gql/index.js";

export const LIST = graphql(`
  query List {
    orders(filter: { itemsCancellable: true }, first: 10) {
      edges {
        node {
          id
          number
          status
          eventCursor
          items {
            id
            productName
            cancellableQuantity
          }
        }
      }
    }
  }
`);

export const PREVIEW = graphql(`
  query Preview($orderId: ID!, $items: [CancelItemInput!]!) {
    previewCancelItems(orderId: $orderId, reason: OUT_OF_STOCK, items: $items) {
      orderVersion
      orderStatusAfter
      refundBreakdown {
        total {
          amount
          formatted
        }
      }
      errors {
        code
        message
      }
    }
  }
`);

export const CANCEL = graphql(`
  mutation Cancel($input: CancelItemsInput!) {
    cancelItems(input: $input) {
      cancellation {
        id
        refundStatus
      }
      order {
        status
        version
      }
      errors {
        code
        message
      }
    }
  }
`);

export const FOLLOW = graphql(`
  subscription Follow($after: String!) {
    orderEvents(after: $after) {
      __typename
      cursor
      sequence
      order {
        number
      }
      ... on OrderStatusChanged {
        from
        to
      }
    }
  }
`);
